# shellcheck shell=bash disable=SC2207
# Completion of dpx for bash, 3.2 and later. `dpx __complete` returns the candidates; see dpx_cli/completion/candidates.py.

_dpx() {
  local IFS=$' \t\n' line=${COMP_LINE:0:COMP_POINT} words starts values texts count=0 width=0 i gap word kept
  words=() starts=() values=() texts=() COMPREPLY=()
  # Put together again what readline took apart at = and :.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    gap=${line%%[!$' \t\n']*} line=${line#"${line%%[!$' \t\n']*}"} word=${COMP_WORDS[i]}
    if ((i == COMP_CWORD)); then word=$line; fi
    line=${line#"$word"}
    if ((i > 0)) && [[ -z $gap ]]; then
      words[count - 1]+=$word
    else
      words[count]=$word starts[count]=$i count=$((count + 1))
    fi
  done
  # readline replaces only what is behind the last = or :; bash 3.2 doesn't split words there.
  kept=${words[count - 1]}
  if ((BASH_VERSINFO[0] < 4)); then word=${word##*[=:]}; fi
  if [[ $word == *[!=:]* ]]; then kept=${kept%"$word"}; fi
  words=("${words[@]//[\\\"\']/}") count=0

  while IFS=$'\t' read -r word line; do
    case $word in
      '') ;;
      :file)
        # bash 3.2 has no compopt, so nothing else quotes the names.
        compopt -o default 2>/dev/null || while IFS= read -r line; do
          COMPREPLY+=("$(printf %q "$line")")
        done < <(compgen -f -- "${words[${#words[@]} - 1]#"$kept"}")
        ;;
      ':command '*) _dpx_other $((${word#* } + 1)) ;;
      *)
        values[count]=${word#"$kept"} texts[count]=$line
        if ((${#values[count]} > width)); then width=${#values[count]}; fi
        count=$((count + 1))
        ;;
    esac
  done <<<"$(command dpx __complete "${words[@]:1}" </dev/null 2>/dev/null)"

  compopt -o nosort 2>/dev/null
  for ((i = 0; i < count; i++)); do
    COMPREPLY[i]=${values[i]}
    # Show descriptions in a list. Types 37 and 42 insert one candidate after the other.
    if ((count > 1 && ${COMP_TYPE:-9} != 37 && ${COMP_TYPE:-9} != 42)) && [[ -n ${texts[i]} ]]; then
      printf -v word '%-*s  (%s)' "$width" "${values[i]}" "${texts[i]}"
      COMPREPLY[i]=${word:0:${COLUMNS:-80}-1}
    fi
  done
}

# Complete another program's command line, from the word $1 on: `dpx sandbox run -- COMMAND`.
_dpx_other() {
  local offset
  offset=$(declare -F _comp_command_offset || declare -F _command_offset)
  if (($1 == ${#words[@]} - 1)); then
    COMPREPLY=($(compgen -c -- "${words[$1]}"))
  elif [[ -n $offset ]]; then
    "$offset" "${starts[$1]}"
  else
    compopt -o default 2>/dev/null
  fi
}

complete -F _dpx dpx dpx-cli
