package loadtest

// htmlStyle is the page's one style sheet. Text has a contrast of 4.5 to 1 or more on its ground, in light and in dark.
// The colours of lines are apart in lightness as well as in hue, none is told from another by red and green alone, and each
// line has a pattern of its own.
const htmlStyle = htmlColours + htmlText + htmlTables + htmlCharts + htmlMedia

const htmlColours = `
:root{--ground:#fff;--raised:#f6f7f8;--ink:#1b1f24;--soft:#57606a;--rule:#d5dae0;--grid:#e8ebee;--shade:#8a94a033;--tip:#8a94a026;
--s1:#0b57a4;--s2:#00756b;--s3:#8a3b95;--s4:#a84300;--loss:#c0311c;--lossink:#b02a17;--pass:#00695e;--fail:#b3261e;--invalid:#7d5700;
--passground:#e3f3f0;--failground:#fdebe8;--invalidground:#fbf1dc}
@media screen and (prefers-color-scheme:dark){:root{--ground:#14181d;--raised:#1c2127;--ink:#e4e8ec;--soft:#a0aab4;--rule:#3a424b;--grid:#272d34;
--shade:#8a94a038;--tip:#8a94a030;--s1:#79b8ff;--s2:#4ecdb8;--s3:#d6a2e8;--s4:#f5a05f;--loss:#f0705a;--lossink:#ff8a75;--pass:#5fd3bd;
--fail:#ff8a75;--invalid:#e6b450;--passground:#10302c;--failground:#3d1b17;--invalidground:#33280f}}
`

const htmlText = `
*{box-sizing:border-box}
html{color-scheme:light dark;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
font-variant-numeric:tabular-nums}
main{max-width:80rem;margin:0 auto;padding:1.5rem clamp(1rem,3vw,2.5rem) 4rem}
h1{font-size:1.35rem;line-height:1.3;margin:.1rem 0 .5rem;font-weight:600}
h2{font-size:1.1rem;margin:2.5rem 0 .75rem;font-weight:600}
h3{font-size:.95rem;margin:0 0 .25rem;font-weight:600}
p{margin:.25rem 0;overflow-wrap:anywhere}
a{color:inherit}
code,pre{font:.92em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
pre{background:var(--raised);padding:.6rem .8rem;border-radius:6px;overflow-x:auto;margin:.5rem 0}
.banner{border-left:.5rem solid var(--outcome);background:var(--outcomeground);padding:.9rem 1.2rem 1rem;border-radius:4px}
.banner .outcome{color:var(--outcome);font-size:2.1rem;line-height:1.15;font-weight:750;letter-spacing:.02em;text-transform:uppercase}
.target,.hint,.none,figcaption{color:var(--soft)}
.banner .target{color:var(--ink);font-size:.9rem}
.pass{--outcome:var(--pass);--outcomeground:var(--passground)}
.fail{--outcome:var(--fail);--outcomeground:var(--failground)}
.invalid{--outcome:var(--invalid);--outcomeground:var(--invalidground)}
.unjudged{--outcome:var(--soft);--outcomeground:var(--raised)}
#budget h2{margin-top:1.5rem}
.when{margin-top:.75rem}
ul{padding-left:1.2rem;margin:0}li{margin:.3rem 0;max-width:75ch}
details{margin-top:1.5rem}summary{cursor:pointer;padding:.4rem 0}
`

const htmlTables = `
.wide{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;font-size:.92rem}
caption{text-align:left;font-weight:600;padding:0 0 .35rem}
th,td{text-align:left;vertical-align:top;padding:.28rem .9rem .28rem 0;border-top:1px solid var(--grid);font-weight:400}
thead th{border-top:0;color:var(--soft);font-size:.85rem;white-space:nowrap}
.fields{width:100%;break-inside:avoid}.fields td{text-align:right;padding-right:0;overflow-wrap:anywhere}
.fields th{color:var(--soft);white-space:nowrap}.fields .part th{padding-left:1.1rem}
.side{columns:19rem;column-gap:2.5rem;margin:1.25rem 0 0}.side table{margin:0 0 1.75rem}
.numbers td,.numbers thead th:not(:first-child){text-align:right;white-space:nowrap}
.seconds td:nth-child(2){text-align:left}
.budget{width:100%}.budget caption{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}
.budget th[scope=row]{font-weight:600}
.budget .outcome{white-space:nowrap;font-weight:600;width:7.5rem}.budget .why td{padding-left:7.5rem}
.budget .broken .outcome,.budget .broken th{color:var(--fail)}
.budget .undecided .outcome,.budget .undecided th{color:var(--invalid)}
.budget .met .outcome{color:var(--pass)}
.why td{border-top:0;padding-top:0;color:var(--soft)}.budget .why td{color:var(--ink);padding-bottom:.6rem}
.why td[colspan]{max-width:60rem}
.drops{min-width:52rem}.drops .n{text-align:right}.drops th[scope=row]{font-weight:600}
.drops td:last-child{overflow-wrap:anywhere;min-width:14rem}.drops td:nth-child(n+3):not(:last-child){white-space:nowrap}
`

const htmlCharts = `
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,31rem),1fr));gap:2.25rem 2.5rem}
figure{margin:0;min-width:0;break-inside:avoid}
figcaption{font-size:.87rem;margin-top:.35rem;max-width:75ch}
.plot{overflow-x:auto}
svg{display:block;width:100%;min-width:31rem;max-width:48rem;height:auto;overflow:visible;font-size:13px}
svg text{fill:var(--soft)}
path.grid{stroke:var(--grid);fill:none}path.phase{stroke:var(--soft);stroke-dasharray:1 3}
path.rule{stroke:var(--soft);stroke-dasharray:5 4;fill:none}text.rule{text-anchor:end}
.x{text-anchor:middle}.y,.unit{text-anchor:end}text.note{font-size:12px;paint-order:stroke;stroke:var(--ground);stroke-width:3px;stroke-linejoin:round}
.line{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}
.s1{stroke:var(--s1)}.s2{stroke:var(--s2);stroke-dasharray:7 4}.s3{stroke:var(--s3);stroke-dasharray:2 4}
.s4{stroke:var(--s4);stroke-dasharray:9 4 2 4}.ends{fill:none;stroke-dasharray:none;stroke-width:1.8}.dense{stroke-dasharray:none;stroke-width:1.3}
svg .t1{fill:var(--s1)}svg .t2{fill:var(--s2)}svg .t3{fill:var(--s3)}svg .t4{fill:var(--s4)}
.loss{fill:var(--loss)}.unclean{fill:var(--shade)}
path.limit{stroke:var(--ink);stroke-width:2.5}path.limit.broken{stroke:var(--loss)}
svg text.limit{fill:var(--ink)}svg text.limit.broken{fill:var(--lossink)}
svg .cause{fill:var(--ink)}.where{fill:var(--soft)}svg .n{fill:var(--ink);font-weight:600}
.tip{fill:transparent}.tip:hover{fill:var(--tip)}
`

const htmlMedia = `
@media (max-width:40rem){svg{font-size:16px;min-width:25rem}text.note{font-size:15px}.budget thead th{white-space:normal}
.budget th,.budget td{padding-right:.6rem}.budget .why td{padding-left:0}.budget .outcome{width:auto}}
@media print{html{font-size:11px;color-scheme:light}body{font-size:1rem}main{max-width:none;padding:0}.plot,.wide{overflow:visible}
.charts{grid-template-columns:1fr;gap:1.5rem}svg,.drops{min-width:0}tr:has(+.why),h2,caption,thead,thead tr{break-after:avoid}tr,li,.banner,#leaks{break-inside:avoid}
.seconds{font-size:.8rem}.seconds td,.seconds th{padding-right:.5rem}
.banner,.budget tr,svg *{-webkit-print-color-adjust:exact;print-color-adjust:exact}
details:not([open]){display:none}}
`
