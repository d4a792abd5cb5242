/** How long the verbs of the daemon wait, in seconds, where `--timeout` says nothing else. */

export const startLimitSeconds = 90
/** Longer than a daemon waits for its clients. */
export const stopLimitSeconds = 30
