// What is printed and written: Markdown tables and a chart.
import type { Result, Spread } from './measure.ts'

export function table (heads: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`
  return [line(heads), line(heads.map((_, column) => column === 0 ? '---' : '---:')), ...rows.map(line)].join('\n')
}

export function resultTable (what: string, results: Result[]): string {
  return table([what, 'CPU, µs', 'ratio', 'quartiles', 'RSS, MB'], results.map(({ name, cpu, ratio, rss }) => [name, cpu.median.toFixed(1), ratio.median.toFixed(2), quartiles(ratio), rss.toFixed(0)]))
}

function quartiles ({ low, high }: Spread): string {
  return `${low.toFixed(2)}–${high.toFixed(2)}`
}

const ROW = 26
const LEFT = 330
const WIDTH = 880

/** Bars on a logarithmic scale, because the dearest costs many times the cheapest. It reads on a light and on a dark page. */
export function chart (title: string, results: Result[]): string {
  const max = Math.log2(Math.max(...results.map(({ ratio }) => ratio.median)) / 0.5)
  const scale = (ratio: number) => Math.max(1, Math.log2(ratio / 0.5) / max * (WIDTH - LEFT - 70))
  const bars = results.map(({ name, ratio }, row) => {
    const y = 44 + row * ROW
    const kind = name.startsWith('fastify-token-auth') ? 'ours' : 'other'
    return `  <text x="${LEFT - 10}" y="${y + 14}" text-anchor="end">${escape(name)}</text>
  <rect class="${kind}" x="${LEFT}" y="${y}" width="${scale(ratio.median).toFixed(1)}" height="18" rx="2"/>
  <text x="${(LEFT + scale(ratio.median) + 6).toFixed(1)}" y="${y + 14}">${ratio.median.toFixed(2)}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${60 + results.length * ROW}" role="img" aria-label="${escape(title)}">
  <style>
    text { font: 13px system-ui, sans-serif; fill: #57606a }
    .title { font-weight: 600 }
    .ours { fill: #2da44e }
    .other { fill: #8c959f }
    @media (prefers-color-scheme: dark) { text { fill: #adbac7 } }
  </style>
  <text class="title" x="10" y="24">${escape(title)}</text>
${bars.join('\n')}
</svg>
`
}

function escape (text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
