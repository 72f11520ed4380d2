import { actionView } from "./action-routes.ts";
import { assertNotProtected, assertUniqueName } from "./books.ts";
import { listing } from "./listing.ts";
import { get, post, put, remove, rename, renaming, type Route } from "./route.ts";
import { createServer, serverCreation, serverName } from "./server-create.ts";
import { serverView } from "./server-view.ts";

export const serverRoutes: readonly Route[] = [
  get("/servers", ({ books, query }) => {
    const { items, meta } = listing(books.servers.values(), query);
    return { servers: items.map((it) => serverView(books, it)), meta };
  }),
  get("/servers/{id}", ({ books, id }) => ({ server: serverView(books, books.server(id)) })),
  post("/servers", serverCreation, ({ books, body }) => createServer(books, body)),
  put("/servers/{id}", renaming.extend({ name: serverName.nullish() }), ({ books, id, body }) => {
    const server = books.server(id);
    if (typeof body.name === "string") assertUniqueName(books.servers, "server", body.name, id);
    rename(server, body);
    return { server: serverView(books, server) };
  }),
  remove("/servers/{id}", ({ books, id }) => {
    const server = books.server(id);
    assertNotProtected(server.protectedDelete, "server");
    books.actions.assertUnlocked({ type: "server", id });
    const before = server.status;
    server.status = "deleting";
    const action = books.actions.start("delete_server", [{ type: "server", id }], async () => {
      for (const volume of books.volumesOf(id)) {
        await books.machines.detachVolume(volume.id);
        volume.server = null;
      }
      await books.machines.deleteServer(id);
      books.forget(server);
    }, () => {
      server.status = before;
    });
    return { action: actionView(action) };
  }),
];
