import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { metricsFrom, readBoardRun, readPicture } from "./board-runs.js";

const require = createRequire(import.meta.url);
const ASSETS = fileURLToPath(new URL("../../assets/", import.meta.url));
const UPLOT = join(dirname(require.resolve("uplot/package.json")), "dist");

/** Files of the page by address; they change with the installation only. */
const FILES: Readonly<Record<string, readonly [path: string, type: string]>> = {
  "/": [join(ASSETS, "board.html"), "text/html; charset=utf-8"],
  "/board.js": [join(ASSETS, "board.js"), "text/javascript; charset=utf-8"],
  "/board.css": [join(ASSETS, "board.css"), "text/css; charset=utf-8"],
  "/uplot.js": [join(UPLOT, "uPlot.iife.min.js"), "text/javascript; charset=utf-8"],
  "/uplot.css": [join(UPLOT, "uPlot.min.css"), "text/css; charset=utf-8"],
};

/** Makes the server of the page. @param folders the run folders to show, asked for at every look */
export function boardServer(folders: () => Promise<readonly string[]>): Server {
  return createServer((request, response) => {
    answer(request, response, folders).catch((fault: unknown) => {
      response.writeHead(500, { "content-type": "text/plain; charset=utf-8" }).end(String(fault));
    });
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  folders: () => Promise<readonly string[]>,
): Promise<void> {
  // Another site's page that is open in the same browser must not read runs through a name of its own.
  if (!/^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(request.headers.host ?? ""))
    return send(response, 403, "text/plain", "only for this machine");
  if (request.method !== "GET") return send(response, 405, "text/plain", "only GET");
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
  const file = FILES[pathname];
  if (file !== undefined) return send(response, 200, file[1], readFileSync(file[0]));
  const shown = await folders();
  if (pathname === "/api/runs") {
    const runs = shown.flatMap((folder, id) => readBoardRun(folder, id) ?? []);
    return send(response, 200, "application/json", JSON.stringify(runs));
  }
  const metrics = /^\/api\/runs\/(\d+)\/metrics$/.exec(pathname);
  const metricsFolder = shown[Number(metrics?.[1])];
  if (metrics !== null && metricsFolder !== undefined) {
    const first = Number(searchParams.get("from") ?? 0);
    const lines = metricsFrom(metricsFolder, Number.isInteger(first) && first >= 0 ? first : 0);
    return send(response, 200, "application/json", JSON.stringify(lines));
  }
  const picture = /^\/runs\/(\d+)\/samples\/([^/]+)\/([^/]+)$/.exec(pathname);
  const pictureFolder = shown[Number(picture?.[1])];
  if (picture !== null && pictureFolder !== undefined) {
    const bytes = readPicture(pictureFolder, picture[2] ?? "", decodeURIComponent(picture[3] ?? ""));
    if (bytes !== undefined) return send(response, 200, "image/png", bytes);
  }
  return send(response, 404, "text/plain", "not there");
}

function send(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response
    .writeHead(status, {
      "content-type": type,
      "cache-control": "no-store",
      // Nothing from elsewhere, whatever a run's texts hold.
      "content-security-policy": "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'",
      "x-content-type-options": "nosniff",
    })
    .end(body);
}
