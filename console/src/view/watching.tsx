// Shared by the pages 警報, 作業申請 and 管理外機器: what the API says now, read again on events and every ten seconds.
import { useEffect, useState } from 'preact/hooks';
import { TIMEOUT_MS } from '../post';

export interface Loaded<T> {
  value: T | null;
  failed: boolean;
  again: () => void;
}

const EVERY_MS = 5000;

export function useDoc<T>(path: string, read: (x: unknown) => T): Loaded<T> {
  const [value, setValue] = useState<T | null>(null);
  const [failed, setFailed] = useState(false);
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let gone = false;
    const load = async () => {
      try {
        const r = await fetch(path, { headers: { Accept: 'application/json' }, signal: AbortSignal.timeout(TIMEOUT_MS) });
        if (!r.ok) throw new Error(String(r.status));
        const doc: unknown = await r.json();
        if (!gone) {
          setValue(read(doc));
          setFailed(false);
        }
      } catch {
        if (!gone) setFailed(true);
      }
    };
    void load();
    const timer = window.setInterval(() => void load(), EVERY_MS);
    return () => {
      gone = true;
      window.clearInterval(timer);
    };
  }, [path, turn]);
  return { value, failed, again: () => setTurn(turn + 1) };
}
