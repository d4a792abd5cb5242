/**
 * Functions of the C library that Node has no call of its own for, where Node can call it at all
 * (node:ffi, Node 26). That is experimental, and errno cannot be had: whoever calls has another way for
 * whenever this one has not worked.
 */
import type { FunctionDefinitions, WrappedFunctionsFromDefinitions } from 'node:ffi'

/**
 * Calls functions of the C library. Loading takes 2 ms.
 * @param call must not throw for what may go wrong: nobody would hear of it
 * @returns what `call` returns; undefined where this Node cannot, for whatever reason
 */
export function callLibrary<const D extends FunctionDefinitions, T>(
  definitions: D,
  call: (functions: WrappedFunctionsFromDefinitions<D>) => T,
): T | undefined {
  const { emitWarning } = process
  try {
    // Node would tell whoever runs our program that it is experimental.
    process.emitWarning = () => {}
    const ffi = process.getBuiltinModule('node:ffi')
    return ffi && call(ffi.dlopen(null, definitions).functions)
  } catch {
    return undefined
  } finally {
    process.emitWarning = emitWarning
  }
}
