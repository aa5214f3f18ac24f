/** The file systems that are made; others that are found are mounted as what they are. */
export const NEW_FILE_SYSTEMS = ['ext4', 'xfs', 'btrfs'] as const

/** One of {@link NEW_FILE_SYSTEMS}. */
export type NewFileSystem = (typeof NEW_FILE_SYSTEMS)[number]
