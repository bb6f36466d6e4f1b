export const TIMEOUT_MS = 8000;

// Status and the answer's exact text; status 0 when there was no answer.
export async function postText(path: string, body: unknown): Promise<{ status: number; text: string }> {
  try {
    const r = await fetch(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { status: r.status, text: await r.text() };
  } catch {
    return { status: 0, text: '' };
  }
}

// Status and answer of a change; status 0 when there was no answer.
export async function post(path: string, body: unknown): Promise<{ status: number; doc: unknown }> {
  const { status, text } = await postText(path, body);
  try {
    return { status, doc: JSON.parse(text) };
  } catch {
    return { status: 0, doc: null };
  }
}
