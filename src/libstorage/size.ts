/** Reads a size in whole GiB, at least one: `16`, `16g`, `16 GB`, `16GiB`, in any letter case; undefined for anything else. */
export function parseGiB(text: string): number | undefined {
  const size = Number(/^(\d+) ?(g|gb|gib)?$/i.exec(text)?.[1])
  return size >= 1 && Number.isSafeInteger(size) ? size : undefined
}
