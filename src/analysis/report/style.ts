/**
 * The page's style. Inside the editor its theme's colours apply, elsewhere those of the reader's preference; on paper the light ones. The
 * colours of what is plotted are always ours: an editor's `charts.orange` is half transparent, and hardly seen on a dark page.
 */

const LIGHT = `--text:#1f2328;--quiet:#59636e;--paper:#fff;--line:#d8dee4;--faint:#eef1f4;--s0:#0b5cad;--s1:#b3541e`;
const DARK = `--text:#e6e6e6;--quiet:#9da7b1;--paper:#1b1c1e;--line:#3b3f45;--faint:#282a2d;--s0:#5eb0ff;--s1:#f0a267`;

export const STYLE = `
:root{color-scheme:light dark;${LIGHT}}
@media (prefers-color-scheme:dark){:root{${DARK}}}
body.vscode-light,body.vscode-high-contrast-light{${LIGHT}}
body.vscode-dark,body.vscode-high-contrast{${DARK}}
@media screen{
body[class*=vscode-]{--text:var(--vscode-foreground);--quiet:var(--vscode-descriptionForeground);--paper:var(--vscode-editor-background);--line:var(--vscode-editorWidget-border,var(--vscode-contrastBorder,#8886));--faint:var(--vscode-editor-lineHighlightBackground,#8881)}
}
*{box-sizing:border-box}
body{margin:0;padding:2.5rem 1.25rem 3rem;background:var(--paper);color:var(--text);font:15px/1.5 var(--vscode-font-family,system-ui,-apple-system,"Segoe UI",sans-serif)}
main,footer{max-width:880px;margin:0 auto}
h1,h2,h3{line-height:1.25;font-weight:600;margin:0}
h1{font-size:1.75rem;letter-spacing:-.01em}
h2{font-size:1.2rem}
h3{font-size:1.05rem}
p{margin:.5rem 0 1rem;max-width:70ch}
a{color:var(--s0)}
nav{margin:1rem 0 3rem}
nav ol{padding-left:1.4rem;margin:0}
article>header{margin-bottom:2.5rem}
article+article{margin-top:5rem}
.subtitle{color:var(--quiet);margin:.35rem 0 0}
section{margin:0 0 2.75rem}
.headline{display:flex;flex-wrap:wrap;gap:1.5rem 3rem;margin:1.75rem 0 0}
.headline dt{font-weight:600}
.headline dd{margin:0;font-variant-numeric:tabular-nums}
.headline .big{font-size:2.1rem;line-height:1.2;font-weight:600;letter-spacing:-.02em}
.headline .big span{font-size:1.1rem;font-weight:400;color:var(--quiet);letter-spacing:0}
.range,.control{font-size:.87rem;color:var(--quiet)}
figure{margin:1rem 0 1.5rem;overflow-x:auto}
figcaption{font-size:.87rem;color:var(--quiet);margin-top:.4rem}
svg{display:block;width:100%;min-width:34rem;height:auto}
svg text{font-size:13px;fill:var(--text)}
svg .end{text-anchor:end}
svg .middle{text-anchor:middle}
svg .tick,svg .quiet{font-size:12px;fill:var(--quiet)}
svg .number{font:12.5px var(--mono)}
svg .number.s0,svg .quiet.s0{fill:var(--s0)}
svg .number.s1,svg .quiet.s1{fill:var(--s1)}
.grid{stroke:var(--line);stroke-width:1}
body[class*=vscode-high-contrast] .grid{stroke:var(--quiet);stroke-opacity:.45}
.whisker{stroke-width:2;stroke-linecap:round}
.curve{fill:none;stroke-width:1.5;opacity:.55}
.s0{stroke:var(--s0)}
.s1{stroke:var(--s1)}
svg text.s0,svg text.s1{stroke:none}
.dot{stroke-width:2}
.dot.s0{fill:var(--s0)}
.dot.s1{fill:var(--paper)}
.reference{stroke-width:1.25;stroke-dasharray:3 3;opacity:.8}
.mark{stroke:var(--quiet);stroke-width:1;stroke-dasharray:3 3}
:root{--mono:var(--vscode-editor-font-family,ui-monospace,SFMono-Regular,Menlo,Consolas,monospace)}
.scroll{overflow-x:auto;margin:0 0 1.25rem}
.scroll:focus-visible{outline:2px solid var(--vscode-focusBorder,var(--s0));outline-offset:2px}
table{border-collapse:collapse;width:100%;font-size:.87rem}
caption{text-align:left;font-weight:600;padding:0 0 .4rem}
th,td{text-align:left;vertical-align:top;padding:.28rem .9rem .28rem 0;border-bottom:1px solid var(--faint)}
th:last-child,td:last-child{padding-right:0}
thead th{color:var(--quiet);font-weight:500;border-bottom-color:var(--line);vertical-align:bottom}
tbody th{font-weight:400}
.short{white-space:nowrap}
tbody th[rowspan],tr:has(+tr>th[rowspan])>td,tbody tr:last-child>*{border-bottom-color:var(--line)}
.numeric{text-align:right;white-space:nowrap}
td.numeric{font-family:var(--mono);font-size:.84rem}
.notes{color:var(--quiet);padding-left:1.2rem;margin:0}
.provenance dl,footer{font-size:.8rem;color:var(--quiet)}
.provenance{border-top:1px solid var(--line);padding-top:1rem;margin-bottom:0}
.provenance dl{display:grid;gap:.15rem;margin:0}
.provenance div{display:flex;gap:1rem}
.provenance dt{flex:0 0 8.5rem}
.provenance dd{margin:0;overflow-wrap:anywhere;font-family:var(--mono)}
footer p{margin:1rem 0 0}
@media print{
:root{${LIGHT}}
body{padding:0;font-size:10.5pt}
main,footer{max-width:none}
section,figure,tr{break-inside:avoid}
section:has(table){break-inside:auto}
h2,h3{break-after:avoid}
.scroll{overflow:visible}
}
`;
