/**
 * Keeps V8 from growing its heap for young objects. A crowd of clients makes a lot of garbage in a moment,
 * and V8 would grow that heap by 20 to 60 MB and never shrink it. V8 reads this flag each time that it wants to
 * grow the heap, so it may be set at any time.
 */
export function keepYoungHeapSmall(): void {
  // Loaded only here: it takes a millisecond and 300 kB, and most daemons never see a crowd.
  process.getBuiltinModule('node:v8').setFlagsFromString('--semi-space-growth-factor=1')
}
