import { expect, it } from "vitest"
import { pageIn } from "./web-page.js"

it.each([
  ["<!DOCTYPE html>\n<html>", "a web page"],
  ["\ufeff\r\n <HTML lang=en>", "a web page"],
  ["<!-- saved --><!doctype html>", "a web page"],
  ['<?xml version="1.0"?>\n<html xmlns="x">', "a web page"],
  [
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code>',
    "an error message of a server"
  ],
  ['<?xml version="1.0"?><svg width="1">', undefined],
  ["<svg>", undefined],
  ["<SAMI><HEAD>", undefined],
  ["<tt xmlns='http://www.w3.org/ns/ttml'>", undefined],
  ["<htmlish>", undefined],
  ["no media at all <html>", undefined],
  [`${" <!--".repeat(200)}`, undefined],
  ["\x89PNG\r\n", undefined],
  ["", undefined]
])("%j is %s", (head, is) => {
  expect(pageIn(head)).toBe(is)
})
