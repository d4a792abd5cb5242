/** What stands in a bundle (bin/run-program.js says what that is). */
export interface BundleIndex {
  /** By name, where a pack begins, counted from the end of the index, and the bytes of its cache and of its code after it. */
  packs: Record<string, [at: number, cacheBytes: number, codeBytes: number]>
  /** By name, the pack that holds a chunk. */
  chunks: Record<string, string>
}
