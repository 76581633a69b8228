//! What all answers are made of: the river as it is rendered, the store, and the limits of those who ask.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::access::Doors;
use super::address::Shape;
use super::body::Body;
use super::budget::BodyBudget;
use super::connections::{Connection, Connections};
use super::host::Reach;
use super::limits::{EVENT_STREAMS, Limits, PICTURES, Subscribing, Unfinished};
use super::pages;
use super::rendered::Rendered;
use super::renderers::Renderers;
use super::shares::Shares;
use crate::language::Language;
use crate::live::{Live, Push};
use crate::model::page::Spot;
use crate::model::part::Ask;
use crate::publish::Addresses;
use crate::store::Store;

/// What names a page: what is asked for, as what, which page of it, in which language; and where it says that all is.
pub(super) type PageKey = (Ask, Shape, Spot, Language, Arc<Addresses>);

/// What polls brought, when it was read.
type PulsesAt = (Instant, Arc<pages::Pulses>);

/// Where requests of one connection come from.
#[derive(Debug)]
pub(super) struct Peer {
    /// One behind a Unix socket has no address.
    pub(super) address: Option<IpAddr>,
    pub(super) reach: Reach,
    pub(super) connection: Arc<Connection>,
}

/// Who makes a request.
#[derive(Debug, Clone)]
pub(super) struct Asker {
    /// The address that its requests are counted by, where it has one.
    pub(super) client: Option<IpAddr>,
    pub(super) connection: Arc<Connection>,
}

/// Everything that can be asked for.
#[derive(Debug)]
pub struct Site {
    pub(super) live: Arc<Live>,
    pub(super) store: Store,
    /// Where what hubs push goes.
    pub(super) pushes: mpsc::Sender<Push>,
    /// Where those go who want to listen at our own hub.
    pub(super) listeners: mpsc::Sender<crate::hub::Request>,
    pub(super) rendered: watch::Sender<Option<Arc<Rendered>>>,
    pub(super) pages: Mutex<HashMap<PageKey, Arc<Body>>>,
    pub(super) connections: Arc<Connections>,
    /// Bytes of renderings of the first page that are held by anybody.
    pub(super) held: Arc<AtomicUsize>,
    pub(super) budget: BodyBudget,
    pub(super) renderers: Renderers,
    pub(super) event_streams: Arc<Shares>,
    /// Requests that wait for a picture.
    pub(super) picture_waits: Arc<Shares>,
    pub(super) subscribing: Subscribing,
    pub(super) unfinished: Unfinished,
    /// Held by who writes the archives.
    pub(super) archiving: Mutex<()>,
    /// Renderings so far: a page that was begun before the last of them is not kept.
    pub(super) renderings: AtomicU64,
    pub(super) pulses: Mutex<Option<PulsesAt>>,
    pub(super) doors: Doors,
    /// Ends what never ends by itself.
    closing: CancellationToken,
}

impl Site {
    /// A site without a river yet; what streams ends with `closing`.
    #[must_use]
    pub fn new(
        live: Arc<Live>,
        store: Store,
        pushes: mpsc::Sender<Push>,
        listeners: mpsc::Sender<crate::hub::Request>,
        closing: CancellationToken,
    ) -> Self {
        Self {
            live,
            store,
            pushes,
            listeners,
            rendered: watch::Sender::new(None),
            pages: Mutex::default(),
            connections: Arc::new(Limits::default().connections()),
            held: Arc::default(),
            budget: BodyBudget::default(),
            renderers: Renderers::default(),
            event_streams: Shares::new(EVENT_STREAMS),
            picture_waits: Shares::new(PICTURES),
            subscribing: Subscribing::default(),
            unfinished: Unfinished::default(),
            archiving: Mutex::default(),
            renderings: AtomicU64::default(),
            pulses: Mutex::default(),
            doors: Doors::default(),
            closing,
        }
    }

    /// The same with other limits of connections.
    #[must_use]
    pub fn limited(self, limits: Limits) -> Self {
        Self { connections: Arc::new(limits.connections()), ..self }
    }

    /// Hears of each rendering.
    #[must_use]
    pub fn renderings(&self) -> watch::Receiver<Option<Arc<Rendered>>> {
        self.rendered.subscribe()
    }

    /// Ends what streams.
    pub(super) fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    pub(super) fn rendered(&self) -> Option<Arc<Rendered>> {
        self.rendered.borrow().clone()
    }
}
