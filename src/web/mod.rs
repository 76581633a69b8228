//! The river over HTTP: requests -> bytes that are ready before they are asked for.
//!
//! Every connection has limits of time and number; a request for the first page of the river
//! touches neither the store nor the renderer.

mod access;
mod address;
mod body;
mod budget;
mod callback;
mod connections;
mod events;
mod health;
mod host;
mod hub;
mod limits;
mod on_request;
mod pages;
mod reader;
mod render;
mod rendered;
mod renderers;
mod responses;
mod route;
mod serve;
mod shares;
mod site;
mod socket;
mod streams;
mod wire;

pub use body::Body;
pub use limits::Limits;
pub use pages::{Setting, Surroundings, assets, page};
pub use render::Rendering;
pub use rendered::Rendered;
pub use serve::serve;
pub use site::Site;
pub use socket::Listener;
