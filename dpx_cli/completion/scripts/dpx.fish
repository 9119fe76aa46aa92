# Completion of dpx for fish. `dpx __complete` returns the candidates; see dpx_cli/completion/candidates.py.

function __dpx_complete
    set -l words (commandline -opc)
    # Variables for this command alone come before its name.
    while string match -q -- '*=*' $words[1]
        set -e words[1]
    end
    set -l typed (commandline -ct)
    set -l current (string replace -ra '["\']' '' -- "$typed")
    for line in (command dpx __complete $words[2..-1] "$current" </dev/null 2>/dev/null)
        switch $line
            case :file
                set -l before (string match -r -- '^--[^=]*=' "$current")
                for path in (__fish_complete_path (string replace -- "$before" '' "$current"))
                    echo "$before$path"
                end
            case ':command *'
                set -l start (math (string split -f 2 ' ' -- $line) + 2)
                complete -C (string join ' ' -- (string escape -- $words[$start..-1]) "$typed")
            case '*'
                echo $line
        end
    end
end

complete -c dpx -e
complete -c dpx-cli -e
complete -c dpx -f -k -a '(__dpx_complete)'
complete -c dpx-cli -f -k -a '(__dpx_complete)'
