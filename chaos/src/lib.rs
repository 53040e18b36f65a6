//! What does a client see when a backend restarts half way through its work?

// What a client does, and how it is judged.
pub mod moment;
pub mod way;
pub mod draws;
pub mod http;
pub mod trouble;
pub mod client;
pub mod cue;
pub mod verdict;
pub mod flow;
pub mod history;

// What is done to the lab meanwhile.
pub mod service;
pub mod state;
pub mod driver;
pub mod gates;
pub mod fault;

// What the commands do that only look after a lab.
pub mod up;
pub mod status;
pub mod heal;
pub mod doctor;
pub mod interrupt;
pub mod leave;

// Where the two meet, and what is made of it.
pub mod predict;
pub mod results;
pub mod run;
pub mod load;
pub mod show;
pub mod names;
pub mod schedule;
pub mod plan;
pub mod files;
pub mod report;
pub mod sweep;
pub mod matrix;
pub mod attempt;

// How a student learns from it.
pub mod lab;
pub mod class;

// What every service promises, asked at any address.
pub mod contract;

// What can be typed.
pub mod duration;
pub mod usage;
pub mod args;
pub mod list;
pub mod restart;
pub mod cli;
pub mod completions;
pub mod man;
pub mod command;
