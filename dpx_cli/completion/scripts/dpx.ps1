# Completion of dpx for PowerShell. `dpx __complete` returns the candidates; see dpx_cli/completion/candidates.py.

Register-ArgumentCompleter -Native -CommandName dpx, dpx.exe, dpx-cli, dpx-cli.exe -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    # Only the program: nothing that a module or profile calls dpx.
    $dpx = @(Get-Command dpx, dpx-cli -CommandType Application -ErrorAction SilentlyContinue)[0]
    if (-not $dpx) { return '' }

    # The words up to the cursor, without their quotes.
    $words = @()
    $current = ''
    foreach ($element in @($commandAst.CommandElements | Select-Object -Skip 1)) {
        $length = $cursorPosition - $element.Extent.StartOffset
        if ($element.Extent.EndOffset -lt $cursorPosition) {
            $words += $element.Extent.Text -replace '[''"`]'
        } elseif ($length -gt 0) {
            $current = $element.Extent.Text.Substring(0, $length) -replace '[''"`]'
        }
    }
    # PowerShell replaces the word to complete, which may begin behind a comma.
    $kept = ''
    if ($current.EndsWith($wordToComplete)) { $kept = $current.Substring(0, $current.Length - $wordToComplete.Length) }
    # An empty argument gets lost before PowerShell 7.3.
    if ($current -eq '' -and
        ($PSVersionTable.PSVersion -lt [version]'7.3' -or $PSNativeCommandArgumentPassing -eq 'Legacy')) {
        $current = '""'
    }

    $encoding = [Console]::OutputEncoding
    try {
        [Console]::OutputEncoding = New-Object System.Text.UTF8Encoding $false
        $lines = @(& $dpx __complete @words $current 2>$null)
    } finally {
        [Console]::OutputEncoding = $encoding
    }
    $found = foreach ($line in $lines) {
        if ($line -eq ':file') {
            $before = if ($current -match '^--[^=]+=') { $Matches[0] } else { '' }
            $typed = $current.Trim('"').Substring($before.Length)
            foreach ($path in [System.Management.Automation.CompletionCompleters]::CompleteFilename($typed)) {
                $text = $before + $path.CompletionText
                [System.Management.Automation.CompletionResult]::new($text, $path.ListItemText, 'ParameterValue', $text)
            }
        } elseif ($line -and -not $line.StartsWith(':')) {
            $value, $text = $line -split "`t", 2
            if (-not $text) { $text = $value }
            $value = $value.Substring($kept.Length)
            [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $text)
        }
    }
    # An empty text keeps PowerShell from offering file names.
    if ($found) { $found } else { '' }
}
