"""How reports look: light or dark as the reader has it, and on paper."""

from typing import Final

STYLE: Final = """\
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --dim: #777; --link: #0a58ca; --good: #1a7f37;
  --bad: #c62828; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.8rem; line-height: 1.2; margin-bottom: 0.3rem; }
h2 { font-size: 1.35rem; margin-top: 2.5rem; border-bottom: 1px solid var(--line); padding-bottom: 0.2rem; }
h3 { font-size: 1.05rem; margin: 1.5rem 0 0.4rem; }
p, ul { max-width: 50rem; }
a { color: var(--link); }
.made, .note, figcaption { color: var(--dim); font-size: 0.85rem; }
.warning { border-left: 4px solid #d90; padding-left: 0.8rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.2rem 0.7rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; white-space: normal; vertical-align: bottom; }
th.t, td.t { text-align: left; }
tbody tr:nth-child(even) { background: var(--soft); }
figure { margin: 1rem 0; }
figure img { width: 100%; max-width: 60rem; height: auto; background: white; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: 0.3rem 1.5rem; }
dt { color: var(--dim); font-size: 0.8rem; }
dd { margin: 0; overflow-wrap: anywhere; }
.pass { color: var(--good); } .fail { color: var(--bad); font-weight: 600; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(18rem, 1fr)); gap: 1rem; }
.charts figure { margin: 0; border: 1px solid var(--line); border-radius: 6px; padding: 0.5rem; color: inherit; }
.charts figure:target { outline: 2px solid var(--link); }
.charts figcaption { line-height: 1.35; }
svg { width: 100%; height: auto; font: 10px system-ui, sans-serif; fill: currentColor; }
svg .grid { stroke: var(--line); stroke-width: 0.6; }
svg .limit { stroke: var(--dim); stroke-dasharray: 4 3; }
svg .curve, svg .bar, svg .met { fill: none; stroke: var(--curve); stroke-width: 1.3; }
svg .point { fill: var(--curve); }
.pass svg { --curve: var(--good); } .fail svg { --curve: var(--bad); }
summary { cursor: pointer; color: var(--dim); }
pre { overflow-x: auto; background: var(--soft); padding: 1rem; font-size: 0.85rem; }
@media (prefers-color-scheme: dark) { :root { --link: #7ab7ff; --dim: #aaa; --good: #5fd07a; --bad: #ff7b72; } }
@media print { body { max-width: none; margin: 0; } details > summary { display: none; } h2 { break-after: avoid; } }
"""
