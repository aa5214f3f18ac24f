/** The shells that are known. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const

/** One of {@link SHELLS}. */
export type Shell = (typeof SHELLS)[number]

/** What the program answers where the names of files are what is wanted. */
export const FILES = ':files'

/** The word behind which the program prints what the last of the following words may become. */
export const COMPLETE = '__complete'

const SCRIPTS: Readonly<Record<Shell, (program: string) => string>> = {
  bash: (program) => `# bash completion of ${program}
_${program}() {
  # Not compgen -W: it would run what stands in a name.
  mapfile -t COMPREPLY < <(${program} ${COMPLETE} "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  [[ \${COMPREPLY[0]-} == ${FILES} ]] || return 0
  COMPREPLY=()
  compopt -o default
}
complete -F _${program} ${program}
`,
  zsh: (program) => `#compdef ${program}
# zsh completion of ${program}
_${program}() {
  local -a found
  found=("\${(@f)$(${program} ${COMPLETE} "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ $found[1] == ${FILES} ]]; then
    compset -P '--*='
    _files
  else
    compadd -- $found
  fi
}
# Found in $fpath, this file is the body of the function at its first call.
if [[ $funcstack[1] == _${program} ]]; then
  _${program} "$@"
else
  compdef _${program} ${program}
fi
`,
  fish: (program) => `# fish completion of ${program}
function __${program}_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l found (${program} ${COMPLETE} $words[2..-1] 2>/dev/null)
  if test "$found" = ${FILES}
    set -l kept (string match -r -- '^--\\w+=' $words[-1])
    for path in (__fish_complete_path (string replace -- "$kept" '' $words[-1]))
      echo "$kept$path"
    end
  else
    string join \\n -- $found
  end
end
complete -c ${program} -f -a '(__${program}_complete)'
`,
}

/** What a shell reads to complete the command line of this program. */
export function completionScript(shell: Shell, program: string): string {
  return SCRIPTS[shell](program)
}
