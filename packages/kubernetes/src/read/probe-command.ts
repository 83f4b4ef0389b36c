/** What an engine runs in a container to look at it from inside, where Kubernetes asks from outside. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /** Left out: only whether a connection is taken. */
  readonly http?: { readonly path: string; readonly headers: readonly (readonly [string, string])[] };
}

/** Docker's official images that bash is in: Debian's and their like. It can speak TCP by itself. */
const WITH_BASH = [
  "buildpack-deps",
  "debian",
  "drupal",
  "ghost",
  "golang",
  "haproxy",
  "httpd",
  "joomla",
  "mariadb",
  "memcached",
  "mongo",
  "mysql",
  "nextcloud",
  "nginx",
  "node",
  "perl",
  "php",
  "postgres",
  "python",
  "rabbitmq",
  "redis",
  "ruby",
  "rust",
  "tomcat",
  "ubuntu",
  "wordpress",
];
/** Those that are Alpine's or busybox's in all their tags. */
const WITH_BUSYBOX = ["alpine", "busybox", "caddy", "eclipse-mosquitto", "registry", "traefik"];

/** Prints a request, and is content with a status from 200 to 399, as Kubernetes is. $1: host, $2: port, then lines. */
const BASH_HTTP =
  'exec 3<>"/dev/tcp/$1/$2" && printf "%s\\r\\n" "${@:3}" "" >&3 && read -r _ status _ <&3 && [ "$status" -ge 200 ] && [ "$status" -lt 400 ]';
const BASH_TCP = 'exec 3<>"/dev/tcp/$1/$2"';

/** What an image is known to have: by its name, of Docker's official ones only. */
export function toolOf(image: string): "bash" | "busybox" | undefined {
  const found = /^(?:(?:docker\.io|index\.docker\.io)\/)?(?:library\/)?([a-z0-9-]+)(?::([\w.-]+))?(?:@.*)?$/.exec(
    image,
  );
  if (found === null) return undefined;
  const [, name = "", tag = ""] = found;
  if (/windowsservercore|nanoserver|busybox/.test(tag) && name !== "busybox") return undefined;
  if (WITH_BUSYBOX.includes(name)) return "busybox";
  if (!WITH_BASH.includes(name)) return undefined;
  return tag.includes("alpine") ? "busybox" : "bash";
}

/** The words of a health check. */
export function commandFor(tool: "bash" | "busybox", { host, port, http }: Target): readonly string[] {
  if (tool === "busybox") {
    if (http === undefined) return ["CMD", "nc", "-z", host, String(port)];
    const headers = http.headers.flatMap(([name, value]) => ["--header", `${name}: ${value}`]);
    return ["CMD", "wget", "-q", "-O", "/dev/null", ...headers, `http://${host}:${port}${http.path}`];
  }
  const start = ["CMD", "bash", "-c"];
  if (http === undefined) return [...start, BASH_TCP, "probe", host, String(port)];
  const hasHost = http.headers.some(([name]) => name.toLowerCase() === "host");
  const headers = [...(hasHost ? [] : [["Host", `${host}:${port}`] as const]), ...http.headers];
  const lines = [`GET ${http.path} HTTP/1.0`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  return [...start, BASH_HTTP, "probe", host, String(port), ...lines];
}
