"""usage: narrowed.py SEKIMORI THEIR_STATE OUR_STATE: milliseconds from the supplier's own site having the failed control to our flow's
narrowing, both seen from outside by the command line: from the last look that did not show the failure to the first that shows the
narrowing, so never less than it was. Waits 20 s for each."""
import json
import subprocess
import sys
import time

program, theirs, ours = sys.argv[1:4]


def ask(state, *words):
    r = subprocess.run([program, '--state', state, '-o', 'json', *words], capture_output=True, text=True)
    return json.loads(r.stdout or '[]')


def when(what):
    """(last instant at which it was not so, first at which it was)"""
    before, end = time.monotonic(), time.monotonic() + 20
    while time.monotonic() < end:
        began = time.monotonic()
        if what():
            return before, time.monotonic()
        before = began
    sys.exit(1)


failed, _ = when(lambda: any(x['state'] == 'broken' for x in ask(theirs, 'limit', 'list')))
_, narrowed = when(lambda: any(p['peer'] == 'kawa' and f['flow'] == 'supply' and f['verdict'] != 'allow' for p in ask(ours, 'peer', 'list') for f in p['flows']))
print(int((narrowed - failed) * 1000))
