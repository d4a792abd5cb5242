/** Where one run keeps everything; whoever starts the run makes it and removes it. */
export function runFolder(): string {
  const folder = process.env.TEST_SYSTEM_FOLDER
  if (!folder) throw new Error('no folder for the machines: run them with npm run test:system')
  return folder
}
