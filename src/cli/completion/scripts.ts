/** The shells that are known. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const

/** One of {@link SHELLS}. */
export type Shell = (typeof SHELLS)[number]

/** The word behind which the program prints what the last of the following words may become. */
export const COMPLETE = '__complete'

const SCRIPTS: Readonly<Record<Shell, (program: string) => string>> = {
  bash: (program) => `# bash completion of ${program}
_${program}() {
  # Not compgen -W: it would run what stands in a name.
  mapfile -t COMPREPLY < <(${program} ${COMPLETE} "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _${program} ${program}
`,
  zsh: (program) => `#compdef ${program}
# zsh completion of ${program}
_${program}() {
  local -a found
  found=("\${(@f)$(${program} ${COMPLETE} "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -a found
}
compdef _${program} ${program}
`,
  fish: (program) => `# fish completion of ${program}
function __${program}_complete
  set -l words (commandline -opc) (commandline -ct)
  ${program} ${COMPLETE} $words[2..-1] 2>/dev/null
end
complete -c ${program} -f -a '(__${program}_complete)'
`,
}

/** What a shell reads to complete the command line of this program. */
export function completionScript(shell: Shell, program: string): string {
  return SCRIPTS[shell](program)
}
