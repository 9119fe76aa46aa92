"""The script for PowerShell, 5.1 and newer; it shows descriptions where the key for a menu is pressed. Floor 4."""

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
        commands = _table(place.commands)
        options = _table((str(option), option.help) for option in place.options)
        arguments = ", ".join(_quoted(str(one)) for one in place.arguments)
        cases.append(
            f"    {_quoted(place.name)} = @{{\n"
            f"        Commands = {commands}\n"
            f"        Options = {options}\n"
            f"        Arguments = @({arguments})\n"
            "    }"
        )
    return (
        SCRIPT.replace("@MARK@", MARK)
        .replace("@PLACES@", "\n".join(cases))
        .replace("@FORMATS@", ", ".join(map(_quoted, FORMATS)))
        .replace("@TOPICS@", ", ".join(map(_quoted, TOPICS)))
    )


def _table(rows: Iterable[tuple[str, str]]) -> str:
    """Words with their descriptions, in their order."""
    lines = [f"            {_quoted(left)} = {_quoted(right)}\n" for left, right in rows]
    return "[ordered]@{" + (f"\n{''.join(lines)}        " if lines else "") + "}"


def _quoted(text: str) -> str:
    # Windows PowerShell reads a script without a byte order mark in an old code page; so only ASCII is written.
    plain = text.replace("…", "...").encode("ascii", "replace").decode()
    return "'" + plain.replace("'", "''") + "'"


SCRIPT = r"""# Completion of dpx for PowerShell. @MARK@
#
# Only names that dpx remembers (projects, organizations, keys, profiles, deployments) start dpx.

# What can follow the words so far; the notation is told in dpx_cli/completion/spec.py.
$global:DpxPlaces = @{
@PLACES@
}

Register-ArgumentCompleter -Native -CommandName dpx -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $places = $global:DpxPlaces
    $formats = @FORMATS@
    $found = New-Object System.Collections.ArrayList

    function Find-Option($place, $flag) {
        foreach ($entry in $place.Options.Keys) {
            if (($entry -split '[+=]', 2)[0].Split(',') -ccontains $flag) { return $entry }
        }
    }

    function Add-Candidate($text, $help) {
        if (-not $help) { $help = $text }
        [void]$found.Add([System.Management.Automation.CompletionResult]::new($text, $text, 'ParameterValue', $help))
    }

    # Offer values of one kind that begin with $typed, each behind $before.
    function Add-Values($kind, $before, $typed) {
        if ($kind -eq '' -or $kind -eq '-') { return }
        if ($kind -eq '@file') {
            foreach ($one in [System.Management.Automation.CompletionCompleters]::CompleteFilename($typed)) {
                Add-Candidate ($before + $one.CompletionText) $one.ToolTip
            }
            return
        }
        if ($kind -eq '@command') {
            $values = @()
            if ($position -eq 0) { $values = @('--') }
        } elseif ($kind -eq '@topic') {
            if ($position -eq 0) {
                $values = @(@TOPICS@) + @($places[''].Commands.Keys)
            } elseif ($position -eq 1 -and $places.ContainsKey($words[-1])) {
                $values = @($places[$words[-1]].Commands.Keys)
            } else {
                $values = @()
            }
        } elseif ($kind.StartsWith('@')) {
            $dpx = Get-Command dpx -CommandType Application, ExternalScript -ErrorAction SilentlyContinue
            if (-not $dpx) { return }
            $values = @(& @($dpx)[0] __complete $kind.Substring(1) @context 2>$null)
        } else {
            $values = $kind.Split('|')
        }
        foreach ($value in $values) {
            if ($value.StartsWith($typed, [System.StringComparison]::OrdinalIgnoreCase)) {
                Add-Candidate ($before + $value) $value
            }
        }
    }

    # The words before the one that is being typed.
    $end = $cursorPosition
    if ($wordToComplete -eq '') { $end += 1 }
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
            Where-Object { $_.Extent.EndOffset -lt $end } |
            ForEach-Object { $_.Extent.Text.Trim([char]39, [char]34) })

    $name = ''
    $place = $places['']
    $commands = @($place.Commands.Keys)
    $want = ''
    $used = @()
    $format = $false
    $position = 0
    $context = @()
    foreach ($word in $words) {
        if ($want) {
            if ($want.StartsWith('--profile=')) { $context += '--profile', $word }
            if ($want.StartsWith('--project,')) { $context += '--project', $word }
            $want = ''
        } elseif ($word -eq '--') {
            return
        } elseif ($word.Length -gt 1 -and $word.StartsWith('-')) {
            $flag = ($word -split '=', 2)[0]
            if (-not $word.StartsWith('--')) { $flag = $word.Substring(0, 2) }
            # A command cannot follow the options of a group's own command.
            if ($name) { $commands = @() }
            $option = Find-Option $place $flag
            if (-not $option) { continue }
            $long = ($option -split '[,+=]', 2)[0]
            $used += $long
            if ($formats -ccontains $long) { $format = $true }
            if ($option.Contains('=')) {
                if ($word -ceq $flag) {
                    $want = $option
                } else {
                    $value = $word.Substring($flag.Length) -replace '^=', ''
                    if ($option.StartsWith('--profile=')) { $context += '--profile', $value }
                    if ($option.StartsWith('--project,')) { $context += '--project', $value }
                }
            }
        } elseif ($commands.Count -eq 0) {
            $position += 1
        } elseif ($commands -ccontains $word) {
            $name = "$name $word".Trim()
            $place = $places[$name]
            $commands = @($place.Commands.Keys)
        } else {
            return
        }
    }

    if ($want) {
        Add-Values ($want -split '=', 2)[1] '' $wordToComplete
    } elseif ($wordToComplete -match '^--[^=]+=') {
        $flag, $typed = $wordToComplete -split '=', 2
        $option = Find-Option $place $flag
        if ($option -and $option.Contains('=')) { Add-Values ($option -split '=', 2)[1] "$flag=" $typed }
    } elseif ($wordToComplete.StartsWith('-')) {
        foreach ($entry in $place.Options.Keys) {
            $flags = ($entry -split '[+=]', 2)[0].Split(',')
            if ($used -ccontains $flags[0] -and -not ($entry -split '=', 2)[0].EndsWith('+')) { continue }
            if ($format -and $formats -ccontains $flags[0]) { continue }
            foreach ($flag in $flags) {
                if ($flag.StartsWith($wordToComplete, [System.StringComparison]::Ordinal)) {
                    Add-Candidate $flag $place.Options[$entry]
                }
            }
        }
    } elseif ($commands.Count -gt 0) {
        foreach ($command in $commands) {
            if ($command.StartsWith($wordToComplete)) { Add-Candidate $command $place.Commands[$command] }
        }
    } else {
        $index = 0
        foreach ($kind in $place.Arguments) {
            if ($index -eq $position -or $kind.EndsWith('+')) {
                Add-Values $kind.TrimEnd('+') '' $wordToComplete
                break
            }
            $index += 1
        }
    }
    $found
}
"""
