/** The checks of preflight, as failures and `--ignore-preflight` name them. */
export const preflightNames = ['linux', 'rights', 'account', 'init-system', 'writable', 'predecessor'] as const

export type PreflightName = (typeof preflightNames)[number]
