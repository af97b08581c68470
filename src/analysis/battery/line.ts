/** The straight line nearest to some points, by least squares. */
export interface Line {
  /** Change of y for each x; 0 where the points do not differ in x. */
  readonly slope: number;
  /** Its y at an x. */
  readonly at: (x: number) => number;
  /** How much of the change in y it explains, 0 to 1; 0 where there is none. */
  readonly fit: number;
}

/** Points of a line: x, y. */
export type Points = readonly (readonly [x: number, y: number])[];

/** @param points at least one */
export function lineThrough(points: Points): Line {
  let [sumX, sumY] = [0, 0];
  for (const [x, y] of points) {
    sumX += x;
    sumY += y;
  }
  const [meanX, meanY] = [sumX / points.length, sumY / points.length];
  let [xx, xy, yy] = [0, 0, 0];
  for (const [x, y] of points) {
    xx += (x - meanX) ** 2;
    xy += (x - meanX) * (y - meanY);
    yy += (y - meanY) ** 2;
  }
  const slope = xx === 0 ? 0 : xy / xx;
  return {
    slope,
    at: (x) => meanY + slope * (x - meanX),
    fit: xx === 0 || yy === 0 ? 0 : (xy * xy) / (xx * yy),
  };
}
