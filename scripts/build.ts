/** `npm run build`: makes dist/, or the folder that is named. */
import { writeBundles } from './bundle.ts'

const [outdir = 'dist'] = process.argv.slice(2)
await writeBundles(outdir)
