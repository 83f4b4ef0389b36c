const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24;

/** A length of time as Docker says it: `About a minute`, `3 weeks`. */
export function humanDuration(ms: number): string {
  const seconds = Math.floor(Math.max(0, ms) / 1000);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < MINUTE) return `${String(seconds)} seconds`;
  const minutes = Math.floor(seconds / MINUTE);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${String(minutes)} minutes`;
  const hours = Math.round(seconds / HOUR);
  if (hours === 1) return "About an hour";
  if (hours < 2 * DAY) return `${String(hours)} hours`;
  if (hours < 14 * DAY) return `${String(Math.floor(hours / DAY))} days`;
  if (hours < 60 * DAY) return `${String(Math.floor(hours / DAY / 7))} weeks`;
  if (hours < 2 * 365 * DAY) return `${String(Math.floor(hours / DAY / 30))} months`;
  return `${String(Math.floor(hours / DAY / 365))} years`;
}
