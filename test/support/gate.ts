/** A promise that a test resolves when it wants. */
export function gate(): { promise: Promise<void>; resolve: () => void } {
  let open = () => {}
  const promise = new Promise<void>((resolve) => {
    open = resolve
  })
  return { promise, resolve: () => open() }
}
