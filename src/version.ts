declare const REMORA_VERSION: string

/** The version of this build, as in package.json. */
export const version: string = REMORA_VERSION
