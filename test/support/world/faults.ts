/** What is broken on purpose in a world, to see that its rules notice. */
export interface Faults {
  /** The kernel's exclusive open succeeds whoever holds the device. */
  readonly exclusiveOpenSaysFree?: boolean
  /** The driver's detach ends whatever attachment there is. */
  readonly detachTakesFromAnybody?: boolean
  /** A new process finds no references in the ledger. */
  readonly ledgerForgetsReferences?: boolean
  /** A record is on the disk a while after it was said to be. */
  readonly ledgerIsLazy?: boolean
  /** Every device looks blank. */
  readonly everythingLooksBlank?: boolean
  /** A lock is given to everybody who asks. */
  readonly locksExcludeNobody?: boolean
  /** The platform attaches a volume that another machine has. */
  readonly attachesTwice?: boolean
  /** Unmount says that it is done, and the mount stays. */
  readonly unmountDoesNothing?: boolean
  /** No check looks at more than whether the file system is clean. */
  readonly checksAreQuick?: boolean
  /** A tool that grows says that it has, and has not. */
  readonly growsNothing?: boolean
}
