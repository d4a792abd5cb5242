// Loaded before each test file (test/run.ts). Files of tests share modules: what Node makes of one, without its types
// and compiled, is kept for the next file. Not by NODE_COMPILE_CACHE: the programs under test would inherit that.
require('node:module').enableCompileCache(process.env.TEST_COMPILE_CACHE)
