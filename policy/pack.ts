import { PolicyPack, type ResourceValidationPolicy } from "@pulumi/policy";
import * as pulumi from "@pulumi/pulumi";
import { acknowledgedIn } from "./acknowledged.ts";
import { type Rule, rules } from "./rules.ts";

/** The rules as Pulumi asks for them: each judges every resource of a preview or an update, and none lets one pass. */
const config = new pulumi.Config("berth");
const acknowledged = acknowledgedIn((section) => config.getObject<unknown>(section));

function policyOf({ name, description, judge }: Rule): ResourceValidationPolicy {
  return {
    name,
    description,
    enforcementLevel: "mandatory",
    validateResource: ({ type, name: resource, props }, report) => {
      try {
        for (const violation of judge({ type, name: resource, inputs: props }, acknowledged)) report(violation);
      } catch (error) {
        // What a preview cannot know yet, the update asks again; Pulumi would say so in every preview, for every command.
        if (!(error instanceof Error && error.message.endsWith("can't be known during preview"))) throw error;
      }
    },
  };
}

new PolicyPack("berth", { enforcementLevel: "mandatory", policies: rules.map(policyOf) });
