/**
 * Calls functions of the C library that Node does not offer, where Node can call it at all
 * (node:ffi, Node 26). That is experimental, and errno is not available: every caller has another way for
 * the case that this one fails.
 */
import type { FunctionDefinitions, WrappedFunctionsFromDefinitions } from 'node:ffi'

/**
 * Calls functions of the C library. Loading takes 2 ms.
 * @param call must not throw to report an error: the error would be lost
 * @returns what `call` returns; undefined where this Node cannot, for whatever reason
 */
export function callLibrary<const D extends FunctionDefinitions, T>(
  definitions: D,
  call: (functions: WrappedFunctionsFromDefinitions<D>) => T,
): T | undefined {
  const { emitWarning } = process
  try {
    // Node would print a warning that it is experimental.
    process.emitWarning = () => {}
    const ffi = process.getBuiltinModule('node:ffi')
    return ffi && call(ffi.dlopen(null, definitions).functions)
  } catch {
    return undefined
  } finally {
    process.emitWarning = emitWarning
  }
}
