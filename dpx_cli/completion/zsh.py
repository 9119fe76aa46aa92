"""The script for zsh: a completion function that leaves options and arguments to zsh's own `_arguments`. Floor 4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.completion import MARK
from dpx_cli.completion.spec import FORMATS, TOPICS, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dpx_cli.completion.spec import Argument, Option, Place

ALONE = ("--help", "--version")  # nothing else makes sense beside them


def render(places: Iterable[Place]) -> str:
    """The script's text."""
    cases = []
    for place in places:
        lines = [f"    {quoted(place.name)})"]
        if place.commands:
            # A colon parts a name from its description.
            listed = "\n".join(f"        {quoted(f'{name}:{text}')}" for name, text in place.commands)
            lines.append(f"      commands=(\n{listed}\n      )")
        specs = [text for option in place.options for text in _option(option, place.options)]
        specs += [_argument(argument) for argument in place.arguments if argument.values != "@command"]
        lines.append("      specs=(\n" + "\n".join(f"        {quoted(text)}" for text in specs) + "\n      )")
        if any(argument.values == "@command" for argument in place.arguments):
            lines.append("      other=1")
        cases.append("\n".join([*lines, "      ;;"]))
    return SCRIPT.replace("@MARK@", MARK).replace("@CASES@", "\n".join(cases)).replace("@TOPICS@", " ".join(TOPICS))


def _option(option: Option, beside: Sequence[Option]) -> list[str]:
    """An option as `_arguments` reads it; one text a flag."""
    excluded = [] if option.multiple else list(option.flags)
    if option.flags[0] in FORMATS:
        excluded = [flag for other in beside if other.flags[0] in FORMATS for flag in other.flags]
    if option.flags[0] in ALONE:
        excluded = ["-", "*", ":"]
    texts = []
    for flag in option.flags:
        before = "*" if option.multiple else f"({' '.join(excluded)})"
        attached = "" if not option.takes_value else "=" if flag.startswith("--") else "+"
        value = f":{_escaped(option.metavar)}:{_action(option.values)}" if option.takes_value else ""
        texts.append(f"{before}{flag}{attached}[{_escaped(option.help)}]{value}")
    return texts


def _argument(argument: Argument) -> str:
    colons = "*:" if argument.multiple else ":" if argument.required else "::"
    return f"{colons}{_escaped(argument.metavar)}:{_action(argument.values)}"


def _action(values: str) -> str:
    """What `_arguments` does for a value; a space alone shows what is expected and offers nothing."""
    if values == "@file":
        return "_files"
    if values == "@topic":
        return "_dpx_topics"
    if values.startswith("@"):
        return f"_dpx_names {values[1:]}"
    return f"_dpx_choices {values.replace('|', ' ')}" if values else " "


def _escaped(text: str) -> str:
    for character in "\\[]:":
        text = text.replace(character, f"\\{character}")
    return text


SCRIPT = r"""#compdef dpx
# Completion of dpx for zsh. @MARK@
#
# Only names that dpx remembers (projects, organizations, keys, profiles, deployments) start dpx.

# What can follow the words in $1.
_dpx_at() {
  commands=() specs=() other=
  case $1 in
@CASES@
  esac
}

# Names that dpx remembers, of the kind that is the last argument.
_dpx_names() {
  local kind=$argv[-1] word before
  local -a names context
  argv[-1]=()
  for word in ${(Q)_dpx_before}; do
    case $before in
      --profile) context+=(--profile $word) ;;
      --project | -p) context+=(--project $word) ;;
    esac
    case $word in
      --profile=*) context+=(--profile ${word#*=}) ;;
      --project=*) context+=(--project ${word#*=}) ;;
      -p?*) context+=(--project ${word#-p}) ;;
    esac
    before=$word
  done
  names=(${(f)"$(command dpx __complete $kind $context </dev/null 2>/dev/null)"})
  compadd "$@" -a names
}

# Fixed values, in any case.
_dpx_choices() {
  compadd -M 'm:{a-zA-Z}={A-Za-z}' "$@"
}

# A topic of help, or a command and its subcommand.
_dpx_topics() {
  local -a commands specs topics
  local other
  if (( CURRENT == 2 )); then
    topics=(@TOPICS@)
    _dpx_at ''
    _describe -t topics topic topics
    _describe -t commands command commands
  elif (( CURRENT == 3 )); then
    _dpx_at ${words[2]}
    _describe -t commands command commands
  fi
}

_dpx() {
  local curcontext=$curcontext context state state_descr line place other ret=1
  local -a commands specs root _dpx_before
  local -A opt_args
  integer end
  _dpx_before=("${(@)words[1,CURRENT-1]}")

  _dpx_at ''
  root=($commands)
  _arguments -C -S $specs '1:command:->command' '*::argument:->rest' && ret=0
  case $state in
    command)
      _describe -t commands command root && ret=0
      return ret
      ;;
    rest) ;;
    *) return ret ;;
  esac

  place=$words[1]
  _dpx_at $place
  if (( $#commands )) && (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
    _describe -t commands command commands
    return
  fi
  if (( $#commands )) && (( CURRENT > 2 )) && [[ $words[2] != -* ]]; then
    place="$place $words[2]"
    shift words
    (( CURRENT-- ))
    _dpx_at $place
  fi
  (( $#specs )) || return 1
  curcontext="${curcontext%:*:*}:dpx-${place// /-}:"

  end=${words[(i)--]}
  if (( end < CURRENT )); then
    [[ -n $other ]] || return 1
    # `dpx sandbox run -- COMMAND`
    words=("${(@)words[end+1,-1]}")
    (( CURRENT -= end ))
    _normal
    return
  fi
  if [[ -n $other && $PREFIX != -* ]]; then
    [[ $words[CURRENT-1] == -* ]] || compadd -- --
  fi
  _arguments -s -S $specs
}

if [[ $funcstack[1] == _dpx ]]; then
  _dpx "$@"
else
  compdef _dpx dpx
fi
"""
