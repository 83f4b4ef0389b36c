import { z } from "zod";

/*
 * What fields hold of the answers of Docker's Engine API, after its published definition of version 1.47. Unknown fields
 * fail. Go writes null for lists and maps that it has none of.
 */

export const count = z.int().nonnegative();
/** Of 25 characters; tests make up shorter ones. */
export const id = z.string().regex(/^[0-9a-z]{1,25}$/, "no id");
/** RFC 3339 in UTC with up to nine digits of a second. */
export const moment = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/, "no moment");
export const texts = z.record(z.string(), z.string());
export const list = <T extends z.ZodType>(entry: T) => z.array(entry).nullable();
export const version = z.strictObject({ Index: count.optional() });
/** What Docker has no words for. */
export const murmur = z.looseObject({}).optional();

export const driver = z.strictObject({ Name: z.string(), Options: texts.nullable().optional() });

/** What objects of the cluster begin with. */
export const head = { ID: id, Version: version, CreatedAt: moment, UpdatedAt: moment };
