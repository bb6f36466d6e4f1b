// The one thing of Node the tests use; the page itself must not see Node's types.
declare module 'node:child_process' {
  export function execFileSync(file: string, args: string[], options: { encoding: 'utf8' }): string;
}
