export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/*
 * Every script only hands the words to `murmur __complete` and shows what that answers, so that a new command or flag
 * needs no new script.
 */

/** Words are cut at white space here: bash's own list is cut at `=` and `:` as well, where our words go on. */
const BASH = `# bash completion of murmur: source <(murmur completion bash)
_murmur() {
  local line="\${COMP_LINE:0:COMP_POINT}" answer word kept
  local -a words=()
  read -r -a words <<<"$line"
  case $line in *[[:space:]]) words+=("") ;; esac
  local current="\${words[-1]}"
  # What bash takes for a word of its own is only what follows the last of its word breaks.
  kept="\${current%"\${current##*[=:]}"}"
  COMPREPLY=()
  while IFS= read -r answer; do
    word="\${answer%%$'\\t'*}"
    if [[ $word == :files ]]; then
      compopt -o default 2>/dev/null
      continue
    fi
    [[ $word == *= ]] && compopt -o nospace 2>/dev/null
    COMPREPLY+=("\${word#"$kept"}")
  done < <("\${words[0]}" __complete -- "\${words[@]:1}" 2>/dev/null)
}
complete -F _murmur murmur
`;

const ZSH = `#compdef murmur
# zsh completion of murmur: source <(murmur completion zsh), or save it as _murmur in a folder of $fpath
_murmur() {
  local answer word
  local -a plain open said openSaid
  while IFS= read -r answer; do
    word="\${answer%%$'\\t'*}"
    if [[ $word == :files ]]; then
      _files
    elif [[ $word == *= ]]; then
      open+=("$word"); openSaid+=("\${answer/$'\\t'/  -- }")
    else
      plain+=("$word"); said+=("\${answer/$'\\t'/  -- }")
    fi
  done < <("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( \${#plain} )) && compadd -l -d said -a plain
  (( \${#open} )) && compadd -S '' -l -d openSaid -a open
  return 0
}
if [[ "\${funcstack[1]}" == _murmur ]]; then
  _murmur "$@"
else
  compdef _murmur murmur
fi
`;

const FISH = `# fish completion of murmur: murmur completion fish | source
function __murmur_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  for answer in ($words[1] __complete -- $words[2..] "$current" 2>/dev/null)
    if test "$answer" = :files
      __fish_complete_path "$current"
    else
      echo $answer
    end
  end
end
complete -c murmur -f -a '(__murmur_complete)'
`;

export const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
