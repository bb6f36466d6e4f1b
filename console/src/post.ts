export const TIMEOUT_MS = 8000;

// Status and answer of a change; status 0 when there was no answer.
export async function post(path: string, body: unknown): Promise<{ status: number; doc: unknown }> {
  try {
    const r = await fetch(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { status: r.status, doc: await r.json() };
  } catch {
    return { status: 0, doc: null };
  }
}
