"""The script for bash, which must work in bash 3.2 (macOS) and without the bash-completion package. Floor 4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.completion import MARK
from dpx_cli.completion.spec import FORMATS, TOPICS, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dpx_cli.completion.spec import Place


def render(places: Iterable[Place]) -> str:
    """The script's text."""
    cases = []
    for place in places:
        lines = [f"    {quoted(place.name)})"]
        if place.commands:
            lines.append(f"      commands={quoted(' '.join(name for name, _ in place.commands))}")
        lines.append(f"      options={quoted(' '.join(map(str, place.options)))}")
        if place.arguments:
            lines.append(f"      arguments={quoted(' '.join(map(str, place.arguments)))}")
        cases.append("\n".join([*lines, "      ;;"]))
    return (
        SCRIPT.replace("@MARK@", MARK)
        .replace("@CASES@", "\n".join(cases))
        .replace("@FORMATS@", " ".join(FORMATS))
        .replace("@TOPICS@", "|".join(TOPICS))
    )


SCRIPT = r"""# shellcheck shell=bash
# Completion of dpx for bash. @MARK@
#
# Only names that dpx remembers (projects, organizations, keys, profiles, deployments) start dpx.

# What can follow the words in $1; the notation is told in dpx_cli/completion/spec.py.
_dpx_at() {
  commands='' options='' arguments=''
  case $1 in
@CASES@
  esac
}

# Set `option` to the entry of the flag $1.
_dpx_option() {
  for option in $options; do
    case ",${option%%[+=]*}," in
      *",$1,"*) return 0 ;;
    esac
  done
  option=''
  return 1
}

# Note the value $2 of the option $1 where names depend on it.
_dpx_given() {
  case $1 in
    --profile=*) profile=$2 ;;
    --project,*) project=$2 ;;
  esac
}

# Offer those of the words in $1, separated by |, that begin with $2 in any case.
_dpx_choose() {
  local IFS='|' choice any_case=1
  shopt -q nocasematch || any_case=''
  shopt -s nocasematch
  for choice in $1; do
    if [[ $choice == "$2"* ]]; then COMPREPLY+=("$choice"); fi
  done
  if [[ -z $any_case ]]; then shopt -u nocasematch; fi
}

# Offer values of the kind $1 that begin with $2.
_dpx_values() {
  local name='' names=''
  case $1 in
    '' | -) ;;
    @file)
      if ! compopt -o default 2>/dev/null; then
        while IFS= read -r name; do COMPREPLY+=("$name"); done <<<"$(compgen -f -- "$2")"
      fi
      ;;
    @command) if ((position == 0)); then _dpx_choose -- "$2"; fi ;;
    @topic)
      if ((position == 0)); then
        _dpx_at ''
        _dpx_choose "@TOPICS@|${commands// /|}" "$2"
      elif ((position == 1)); then
        _dpx_at "${words[count - 2]}"
        _dpx_choose "${commands// /|}" "$2"
      fi
      ;;
    @*)
      names=$(command dpx __complete "${1#@}" ${profile:+--profile "$profile"} ${project:+--project "$project"} \
        </dev/null 2>/dev/null)
      while IFS= read -r name; do
        if [[ -n $name && $name == "$2"* ]]; then COMPREPLY+=("$name"); fi
      done <<<"$names"
      if [[ $1 == @deployment ]]; then compopt -o nosort 2>/dev/null; fi
      ;;
    *) _dpx_choose "$1" "$2" ;;
  esac
}

# Offer the options that begin with $1, but for those given already.
_dpx_options() {
  local flags='' long=''
  for option in $options; do
    flags=${option%%[+=]*}
    long=${flags%%,*}
    if [[ $used == *" $flags "* && $option != *+* ]]; then continue; fi
    if [[ -n $format && " @FORMATS@ " == *" $long "* ]]; then continue; fi
    if [[ $long == "$1"* ]]; then
      COMPREPLY+=("$long")
    elif [[ ",$flags," == *",$1,"* ]]; then
      COMPREPLY+=("$1")
    fi
  done
}

# Complete what stands behind `dpx sandbox run --`, from the word $1 on.
_dpx_other() {
  if (($1 == count - 1)); then
    local name
    while IFS= read -r name; do
      if [[ -n $name ]]; then COMPREPLY+=("$name"); fi
    done <<<"$(compgen -c -- "${words[$1]}")"
  elif declare -F _comp_command_offset >/dev/null; then
    _comp_command_offset "${starts[$1]}"
  elif declare -F _command_offset >/dev/null; then
    _command_offset "${starts[$1]}"
  else
    compopt -o default 2>/dev/null
  fi
}

_dpx() {
  local IFS=$' \t\n'
  local line=${COMP_LINE:0:COMP_POINT} words starts count=0 i word gap
  words=() starts=() COMPREPLY=()
  # Put together again what readline took apart at = and :.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    gap=${line%%[!$' \t\n']*}
    line=${line#"$gap"}
    word=${COMP_WORDS[i]}
    if ((i == COMP_CWORD)); then word=$line; fi
    line=${line#"$word"}
    if ((i > 0)) && [[ -z $gap ]]; then
      words[count - 1]+=$word
    else
      words[count]=$word
      starts[count]=$i
      count=$((count + 1))
    fi
  done

  local place='' commands options arguments option='' want='' used=' ' format='' position=0 profile='' project='' flag
  _dpx_at ''
  for ((i = 1; i < count - 1; i++)); do
    word=${words[i]}
    if [[ -n $want ]]; then
      _dpx_given "$want" "$word"
      want=''
      continue
    fi
    case $word in
      --)
        if [[ $arguments != @command* ]]; then return; fi
        if ((i + 1 == count - 1)) || [[ ${words[i + 1]} != dpx ]]; then
          _dpx_other $((i + 1))
          return
        fi
        i=$((i + 1)) place='' used=' ' format='' position=0
        _dpx_at ''
        ;;
      -?*)
        flag=${word%%=*}
        if [[ $word != --* ]]; then flag=${word:0:2}; fi
        # A command cannot follow the options of a group's own command.
        if [[ -n $place ]]; then commands=''; fi
        if ! _dpx_option "$flag"; then continue; fi
        used+="${option%%[+=]*} "
        if [[ " @FORMATS@ " == *" ${option%%[,+=]*} "* ]]; then format=1; fi
        if [[ $option == *=* ]]; then
          if [[ $word == "$flag" ]]; then
            want=$option
          else
            word=${word#"$flag"}
            _dpx_given "$option" "${word#=}"
          fi
        fi
        ;;
      *)
        if [[ -z $commands ]]; then
          position=$((position + 1))
        elif [[ " $commands " == *" $word "* ]]; then
          place=${place:+$place }$word
          _dpx_at "$place"
        else
          return
        fi
        ;;
    esac
  done

  word=${words[count - 1]}
  word=${word#[\"\']}
  if [[ -n $want ]]; then
    _dpx_values "${want#*=}" "$word"
  elif [[ $word == --*=* ]]; then
    flag=${word%%=*}
    word=${word#*=}
    if _dpx_option "$flag" && [[ $option == *=* ]]; then _dpx_values "${option#*=}" "${word#[\"\']}"; fi
    # Readline replaces what stands behind the =, unless it was told not to break there.
    if [[ $COMP_WORDBREAKS != *=* ]]; then
      for ((i = 0; i < ${#COMPREPLY[@]}; i++)); do COMPREPLY[i]="$flag=${COMPREPLY[i]}"; done
    fi
  elif [[ $word == -?* && $word != --* && ${#word} -gt 2 ]]; then
    flag=${word:0:2}
    if _dpx_option "$flag" && [[ $option == *=* && $option != *=@file ]]; then
      _dpx_values "${option#*=}" "${word:2}"
      for ((i = 0; i < ${#COMPREPLY[@]}; i++)); do COMPREPLY[i]="$flag${COMPREPLY[i]}"; done
    fi
  elif [[ $word == -* ]]; then
    _dpx_options "$word"
  elif [[ -n $commands ]]; then
    _dpx_choose "${commands// /|}" "$word"
  else
    local kind='' at=0
    for kind in $arguments; do
      if ((at == position)) || [[ $kind == *+ ]]; then break; fi
      at=$((at + 1)) kind=''
    done
    if [[ -n $kind ]]; then
      _dpx_values "${kind%+}" "$word"
    elif [[ -z $word ]]; then
      _dpx_options ''
    fi
  fi
}

complete -F _dpx dpx
"""
