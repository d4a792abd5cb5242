/**
 * packaging/container/kubernetes.yml as `podman kube play` of podman 4.3 can take it. What is another than in a cluster:
 *
 * 1. It knows no `subPath`: an `emptyDir` and its folders are folders of this machine, each mounted as the kubelet mounts
 *    a subPath. The init container still makes them what they are.
 * 2. It would give the volumes of one replica to the other: each is a Deployment of its own, with one pod.
 * 3. It starts an init container that has ended anew, as the pod's containers, and removes it with its log: told not to.
 * 4. A port of a container would become one of this machine, which two replicas cannot share: there is none.
 * 5. A Secret is not decoded (`secretDocument`), and its mode not looked at: it is 0644 where 0444 is asked for.
 * 6. Of the probes it keeps `livenessProbe`.
 */
import assert from 'node:assert/strict'

/** One replica, whose volume is a folder of this machine. */
export function replicaForPodman(manifest: string, name: string, folder: string): string {
  const subPaths = new Set([...manifest.matchAll(/subPath: (\w+)/g)].map(([, path = '']) => path))
  const volume = (volumeName: string, path: string) =>
    `        - { name: ${volumeName}, hostPath: { path: ${path}, type: DirectoryOrCreate } }\n`
  const volumes = [...subPaths].map((path) => volume(`folders-${path}`, `${folder}/${path}`))
  let text = manifest
  const replace = (from: RegExp, to: string) => {
    assert.match(text, from)
    text = text.replace(from, to)
  }
  replace(/ +- \{ name: folders, emptyDir: .*\n/, volume('folders', folder) + volumes.join(''))
  replace(/name: folders, mountPath: (\S+), subPath: (\w+)/g, 'name: folders-$2, mountPath: $1')
  replace(/^ {2}replicas: 2$/m, '  replicas: 1')
  replace(
    /^ {2}name: frameworkd$/m,
    `  name: ${name}\n  annotations: { io.podman.annotations.init.container.type: always }`,
  )
  replace(/^ {10}ports:\n {12}- .*\n/m, '')
  replace(/^ {6}enableServiceLinks/m, '      restartPolicy: Never\n      enableServiceLinks')
  return text
}

/** Its value is plain text, which no cluster would take. */
export function secretDocument(name: string, key: string, value: string): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, data: { [key]: value } })
}

/** The orders of the manifest's probes, by name. */
export function probesOf(manifest: string): Map<string, string[]> {
  const found = manifest.matchAll(/^ +(\w+)Probe:\n +exec: \{ command: \[(.*)\] \}$/gm)
  return new Map([...found].map(([, name = '', words = '']) => [name, words.split(', ')]))
}
