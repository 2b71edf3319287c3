// Entry: tells the page which shelf of the library is this browser's.

import { rememberShelf } from "../playground/own_runs.js";

/** @import { Component } from "../shared/mounting.js" */

/** @param {Component} component */
export function mount({ setStateValue }) {
  const shelf = rememberShelf();
  const told = setTimeout(() => setStateValue("shelf", shelf || "refused"));
  return () => clearTimeout(told);
}
