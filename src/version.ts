declare const REMORA_VERSION: string
declare const REMORA_COMMIT: string
declare const REMORA_FORMED: string

/** The version of this build, as in package.json. */
export const version: string = REMORA_VERSION

/** The commit that this build was made from, and its time as in RFC 1123; empty where the build did not know. */
export const origin: { readonly commit: string; readonly formed: string } = {
  commit: REMORA_COMMIT,
  formed: REMORA_FORMED,
}
