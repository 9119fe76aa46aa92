"""The script for fish, which shows descriptions. Floor 4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.completion import MARK
from dpx_cli.completion.spec import FORMATS, TOPICS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dpx_cli.completion.spec import Place


def render(places: Iterable[Place]) -> str:
    """The script's text."""
    cases = []
    for place in places:
        lines = [f"        case {_quoted(place.name)}"]
        if place.commands:
            lines.append("            set commands " + _rows(place.commands))
        lines.append("            set options " + _rows((str(option), option.help) for option in place.options))
        if place.arguments:
            lines.append("            set arguments " + " ".join(_quoted(str(one)) for one in place.arguments))
        cases.append("\n".join(lines))
    return (
        SCRIPT.replace("@MARK@", MARK)
        .replace("@CASES@", "\n".join(cases))
        .replace("@FORMATS@", " ".join(FORMATS))
        .replace("@TOPICS@", ",".join(TOPICS))
    )


def _rows(rows: Iterable[tuple[str, str]]) -> str:
    """Words with their descriptions, one a line."""
    return " \\\n".join(
        f"{'' if at == 0 else ' ' * 16}{_quoted(left)}\\t{_quoted(right)}" for at, (left, right) in enumerate(rows)
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


SCRIPT = r"""# Completion of dpx for fish. @MARK@
#
# Only names that dpx remembers (projects, organizations, keys, profiles, deployments) start dpx.

# What can follow the words in $argv; the notation is told in dpx_cli/completion/spec.py.
function __dpx_at --no-scope-shadowing
    set commands
    set options
    set arguments
    switch "$argv"
@CASES@
    end
end

# Set `option` to the entry of the flag $argv[1].
function __dpx_option --no-scope-shadowing
    set option
    for entry in $options
        if contains -- $argv[1] (string split , -- (string replace -r '[+=\t].*' '' -- $entry))
            set option (string split -f 1 \t -- $entry)
            return 0
        end
    end
    return 1
end

# Note the value $argv[2] of the option $argv[1] where names depend on it.
function __dpx_given --no-scope-shadowing
    switch "$argv[1]"
        case '--profile=*'
            set context $context --profile "$argv[2]"
        case '--project,*'
            set context $context --project "$argv[2]"
    end
end

# Print those of the rows $argv[2..] that have $argv[1] in their word. fish would search the descriptions too.
function __dpx_offer
    set -q argv[2]
    or return
    set -l typed (string escape --style=regex -- (string trim -l -c '"\'' -- "$argv[1]"))
    string match -ri -- '^[^\t]*'"$typed"'[^\t]*(?:\t.*)?$' $argv[2..-1]
end

# Print values of the kind $argv[1], each behind $argv[2]; what stands behind that so far is $argv[3].
function __dpx_values --no-scope-shadowing
    switch "$argv[1]"
        case '' -
        case @file
            set before $argv[2]
            __fish_complete_path "$argv[3]" | while read -l found
                printf '%s%s\n' "$before" "$found"
            end
        case @command
            test $position -eq 0
            and printf -- '--\t%s\n' 'the command follows'
        case @topic
            if test $position -eq 0
                __dpx_at
                __dpx_offer "$argv[3]" {@TOPICS@}\ttopic $commands
            else if test $position -eq 1
                __dpx_at $words[-1]
                __dpx_offer "$argv[3]" $commands
            end
        case '@*'
            set kind (string sub -s 2 -- $argv[1])
            set before "$argv[2]"
            set found (command dpx __complete $kind $context </dev/null 2>/dev/null)
            set -q found[1]
            and __dpx_offer "$argv[3]" $before$found\t$kind
        case '*'
            __dpx_offer "$argv[3]" $argv[2](string split '|' -- $argv[1])
    end
end

# Print the options that are not on the command line already.
function __dpx_options --no-scope-shadowing
    for entry in $options
        set row (string split -m 1 \t -- $entry)
        set flags (string split , -- (string replace -r '[+=].*' '' -- $row[1]))
        if contains -- $flags[1] $used; and not string match -q -- '*+*' $row[1]
            continue
        end
        if test -n "$format"; and contains -- $flags[1] @FORMATS@
            continue
        end
        __dpx_offer "$current" $flags\t$row[2]
    end
end

function __dpx_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    while string match -q -- '*=*' $words[1]
        set -e words[1]
    end
    set -e words[1]
    set -l commands
    set -l options
    set -l arguments
    set -l place
    set -l option
    set -l want
    set -l used
    set -l format
    set -l position 0
    set -l context
    set -l entry
    set -l flag
    set -l flags
    set -l row
    set -l before
    set -l kind
    set -l found
    __dpx_at
    set -l at 0
    for word in $words
        set at (math $at + 1)
        if set -q want[1]
            __dpx_given $want $word
            set -e want[1]
            continue
        end
        switch $word
            case --
                if string match -q -- '@command*' "$arguments[1]"
                    complete -C (string join ' ' -- (string escape -- $words[(math $at + 1)..-1]) $current)
                end
                return
            case '-?*'
                set flag (string replace -r '=.*' '' -- $word)
                if not string match -q -- '--*' $word
                    set flag (string sub -l 2 -- $word)
                end
                # A command cannot follow the options of a group's own command.
                if set -q place[1]
                    set commands
                end
                __dpx_option $flag
                or continue
                set flags (string split , -- (string replace -r '[+=].*' '' -- $option))
                set -a used $flags[1]
                contains -- $flags[1] @FORMATS@
                and set format 1
                if string match -q -- '*=*' $option
                    if test "$word" = "$flag"
                        set want $option
                    else
                        __dpx_given $option (string replace -r '^(--[^=]*=|-[^-]=?)' '' -- $word)
                    end
                end
            case '*'
                if not set -q commands[1]
                    set position (math $position + 1)
                else if string match -q -- $word\t'*' $commands
                    set -a place $word
                    __dpx_at $place
                else
                    return
                end
        end
    end

    if set -q want[1]
        __dpx_values (string replace -r '^[^=]*=' '' -- $want) '' "$current"
    else if string match -q -- '--*=*' $current
        set flag (string replace -r '=.*' '' -- $current)
        if __dpx_option $flag; and string match -q -- '*=*' $option
            set current (string replace -r '^[^=]*=' '' -- $current)
            __dpx_values (string replace -r '^[^=]*=' '' -- $option) "$flag=" "$current"
        end
    else if string match -qr -- '^-[^-].' $current
        set flag (string sub -l 2 -- $current)
        if __dpx_option $flag; and string match -q -- '*=*' $option
            __dpx_values (string replace -r '^[^=]*=' '' -- $option) $flag (string sub -s 3 -- $current)
        end
    else if string match -q -- '-*' $current
        __dpx_options
    else if set -q commands[1]
        __dpx_offer "$current" $commands
    else
        set -l expected
        set -l index 0
        for expected in $arguments ''
            if test $index -eq $position; or string match -q -- '*+' $expected
                break
            end
            set index (math $index + 1)
            set expected ''
        end
        if test -n "$expected"
            __dpx_values (string replace -r '\+$' '' -- $expected) '' "$current"
        else if test -z "$current"
            __dpx_options
        end
    end
end

complete -c dpx -e
complete -c dpx -f -k -a '(__dpx_complete)'
"""
