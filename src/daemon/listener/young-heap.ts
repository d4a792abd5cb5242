/**
 * Keeps V8 from giving more room to what was just made. A crowd of clients makes a lot of garbage in
 * moments, and V8 would answer with room that it keeps for ever: 20 to 60 MB. V8 asks for this number
 * each time that it would, so it may be changed at any time.
 */
export function keepYoungHeapSmall(): void {
  // Loaded here: it takes a millisecond and 300 kB, and most daemons never see a crowd.
  process.getBuiltinModule('node:v8').setFlagsFromString('--semi-space-growth-factor=1')
}
