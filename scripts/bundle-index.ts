/** The index of a bundle (bin/run-program.js says what a bundle is). */
export interface BundleIndex {
  /**
   * For each pack: its offset, counted from the end of the index, the bytes of its cache, and of its code after that.
   */
  packs: Record<string, [at: number, cacheBytes: number, codeBytes: number]>
  /** For each chunk: the pack that holds it. */
  chunks: Record<string, string>
}
