"""Manual pages and bash completion, made from what the programs themselves say (--help, in both languages): what they
cannot do is not in the manual, and what they can do cannot be missing from it."""
import re
import subprocess
import time

PAGES = {'sekimori-cli': [('sekimori', 1), ('sekimori-verify', 1)], 'sekimorid': [('sekimorid', 8)], 'sekimori-agent': [('sekimori-agent', 1)]}
LINES = {
    'sekimori': ('what operators of a site type', 'サイトを運用する人の命令'),
    'sekimori-verify': ('verify a record without the site', '証跡記録をサイトなしで検証する'),
    'sekimorid': ('a site: gate, core, seal, courier and their keeper', 'サイト本体（gate、core、seal、courier とその監督）'),
    'sekimori-agent': ('a device of a site', 'サイトに加わる機器'),
}
HEADINGS = {'en': ('NAME', 'SYNOPSIS', 'COMMANDS', 'FILES', 'SEE ALSO'), 'ja': ('名前', '書式', '命令', 'ファイル', '関連項目')}
FILES = {
    'sekimori': [('/var/lib/sekimori', 'the site (--state, SEKIMORI_STATE)', 'サイト（--state、SEKIMORI_STATE）')],
    'sekimori-verify': [],
    'sekimorid': [('/var/lib/sekimori/sekimori.conf', 'configuration; --check reads it and says what is wrong', '設定。--check は読むだけで、誤りを示す'),
                  ('/var/lib/sekimori/ledger', 'the record', '証跡記録')],
    'sekimori-agent': [('/etc/default/sekimori-agent', 'options of the service', 'サービスのオプション'),
                       ('/var/lib/sekimori-agent', 'its key and what is not delivered yet', '機器の鍵と、まだ届けていないデータ')],
}
COMMAND = re.compile(r'^  (\S[^\n]*)\n      (\S[^\n]*)$', re.M)


def said(build, name, lang):
    argv = {'sekimori-agent': ['help', '--lang', lang]}.get(name, ['--help', '--lang', lang])
    p = subprocess.run([f'{build}/{name}', *(['--help'] if name == 'sekimorid' else argv)], capture_output=True, text=True)
    text = p.stdout or p.stderr
    if not text.strip():
        raise RuntimeError(f'{name} --help says nothing')
    return text


def roff(text):
    text = text.replace('\\', '\\e').replace('-', '\\-')
    return '\n'.join('\\&' + line if line[:1] in ('.', "'") else line for line in text.split('\n'))


def commands(text):
    """[(usage, what it does)] of `sekimori --help`."""
    return [(usage.strip(), does) for usage, does in COMMAND.findall(text)]


def body(name, text, heading):
    if name != 'sekimori':
        return f'.SH {heading[1]}\n.nf\n{roff(text.rstrip())}\n.fi\n'
    first = text.split('\n', 1)[0]
    rows = ''.join(f'.TP\n.B {roff(usage)}\n{roff(does)}\n' for usage, does in commands(text))
    last = [line for line in text.rstrip().split('\n')[-3:] if line and not line.startswith(' ')]
    rest = ''.join(f'.PP\n{roff(line)}\n' for line in last if line != first)
    return f'.SH {heading[1]}\n.B {roff(first)}\n.SH {heading[2]}\n{rows}{rest}'


def page(build, name, section, lang, when):
    heading, line = HEADINGS[lang], LINES[name][lang == 'ja']
    date = time.strftime('%Y-%m-%d', time.gmtime(when))
    files = ''.join(f'.TP\n.I {roff(path)}\n{roff(ja if lang == "ja" else en)}\n' for path, en, ja in FILES[name])
    others = ', '.join(f'.BR {roff(n)} ({s})'[4:] for rows in PAGES.values() for n, s in rows if n != name)
    return (f'.TH {name.upper()} {section} {date} Sekimori\n.SH {heading[0]}\n{roff(name)} \\- {roff(line)}\n'
            + body(name, said(build, name, lang), heading)
            + (f'.SH {heading[3]}\n{files}' if files else '') + f'.SH {heading[4]}\n{others}\n')


def completion(build):
    """A function without a network and without a site: nouns, their verbs, the flags of that command."""
    verbs, flags = {}, {}
    for usage, _ in commands(said(build, 'sekimori', 'en')):
        words = usage.split()
        verb = words[1] if len(words) > 1 and re.fullmatch(r'[a-z][a-z-]*', words[1]) else ''
        verbs.setdefault(words[0], []).append(verb)
        flags[f'{words[0]} {verb}'.strip()] = sorted(set(re.findall(r'--[a-z-]+', usage)) | {'--lang', '--state', '--help'})
    rows = ''.join(f"    [{noun}]='{' '.join(v for v in known if v)}'\n" for noun, known in verbs.items())
    more = ''.join(f"    ['{command}']='{' '.join(known)}'\n" for command, known in flags.items())
    return f'''# bash completion for sekimori; made from `sekimori --help`
_sekimori() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} noun=${{COMP_WORDS[1]:-}} key
  local -A verbs=(
{rows}  )
  local -A flags=(
{more}  )
  COMPREPLY=()
  if [ "$COMP_CWORD" = 1 ]; then COMPREPLY=($(compgen -W "${{!verbs[*]}}" -- "$cur")); return; fi
  [ -n "${{verbs[$noun]+x}}" ] || return 0
  if [[ $cur == -* ]]; then
    key="$noun ${{COMP_WORDS[2]:-}}"
    [ -n "${{flags[$key]+x}}" ] || key=$noun
    COMPREPLY=($(compgen -W "${{flags[$key]:-}}" -- "$cur")); return
  fi
  if [ "$COMP_CWORD" = 2 ] && [ -n "${{verbs[$noun]}}" ]; then COMPREPLY=($(compgen -W "${{verbs[$noun]}}" -- "$cur")); return; fi
  COMPREPLY=($(compgen -f -- "$cur"))
}}
complete -o filenames -F _sekimori sekimori
'''
