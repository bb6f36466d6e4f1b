import { clock } from '../format';
import { lineOf, type Point } from '../readings';
import { n } from './parts';
import { w } from '../state';

const WIDTH = 120;
const HEIGHT = 28;

// A small line with its title and description; its numbers are in the device's table twin.
export function Spark({ id, name, points }: { id: string; name: string; points: readonly Point[] }) {
  const t = w.value.readings;
  const line = lineOf(points, WIDTH, HEIGHT);
  const first = points[0];
  const final = points[points.length - 1];
  if (!line || !first || !final) return <span class="quiet small">{t.noTrend}</span>;
  const text = t.trendText(n(points.length), clock(first.at), clock(final.at), String(line.min), String(line.max));
  return (
    <svg class="spark" role="img" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} aria-labelledby={`${id}-t ${id}-d`}>
      <title id={`${id}-t`}>{t.trendTitle(name)}</title>
      <desc id={`${id}-d`}>{text}</desc>
      <path d={line.path} class="spark-line" />
      <circle cx={line.last.x} cy={line.last.y} r="2.2" class="spark-last" />
    </svg>
  );
}
