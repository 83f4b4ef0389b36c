import { z } from "zod";
import { textMap } from "./container-schema.ts";
import { dockerObject } from "./lenient-object.ts";

const word = (value: unknown): unknown => (typeof value === "string" ? value.toLowerCase() : value);

export const nodeSchema = dockerObject(
  {
    Name: z.string().max(1_024).optional(),
    Labels: textMap.optional(),
    Role: z.preprocess(word, z.enum(["worker", "manager"], "must be worker or manager")),
    Availability: z.preprocess(word, z.enum(["active", "pause", "drain"], "must be active, pause or drain")),
    Murmur: z
      .strictObject({
        PinnedRole: z.enum(["worker", "manager"]).nullable().optional(),
        Drain: z.strictObject({ Deadline: z.number() }).nullable().optional(),
      })
      .optional(),
  },
  { passOverLowerCase: true },
);

export type NodeInput = z.infer<typeof nodeSchema>;
