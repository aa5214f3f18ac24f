/** Whether a text has the form of the ids that a pool gives: `vol-` and 17 hexadecimal digits. */
export function looksLikePoolId(text: string): boolean {
  return /^vol-[0-9a-f]{17}$/.test(text)
}
