//! The engine's C interface, and the only unsafe code of the workspace.
//!
//! The library's symbols stay in this file: it hands out a [`Library`],
//! [`Connection`]s to its one database folder, and [`Insert`]s that rows are
//! fed into, each of which cleans up after itself. Results are copied, so
//! nothing that the engine owns leaves this file.

#![expect(
    unsafe_code,
    reason = "the engine is a library with a C interface; no crate wraps it without building it"
)]

use std::{
    ffi::{CStr, CString, OsStr, c_char, c_int},
    marker::PhantomData,
    os::unix::ffi::OsStrExt as _,
    path::Path,
    ptr::NonNull,
    slice,
    sync::Arc,
};

use anyhow::{Context as _, Result};
use clickhouse_test_kit::protocol::Exception;

/// What the engine points to, and only it looks into.
#[repr(C)]
struct Opaque {
    _private: [u8; 0],
}

/// `chdb_connection`, the handle that queries are given.
type RawConnection = *mut Opaque;
/// `chdb_result *`.
type RawResult = *mut Opaque;
/// The handle of an insert under way.
type RawInsert = *mut Opaque;

/// The functions we call, of the signatures in the engine's `chdb.h`.
struct Functions {
    connect: unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut RawConnection,
    close: unsafe extern "C" fn(*mut RawConnection),
    query: unsafe extern "C" fn(
        RawConnection,
        *const u8,
        usize,
        *const u8,
        usize,
        *const *const u8,
        *const usize,
        *const *const u8,
        *const usize,
        usize,
    ) -> RawResult,
    result_error: unsafe extern "C" fn(RawResult) -> *const c_char,
    result_buffer: unsafe extern "C" fn(RawResult) -> *const u8,
    result_length: unsafe extern "C" fn(RawResult) -> usize,
    destroy_result: unsafe extern "C" fn(RawResult),
    begin_insert:
        unsafe extern "C" fn(RawConnection, *const u8, usize, *const u8, usize) -> RawInsert,
    insert_error: unsafe extern "C" fn(RawInsert) -> *const c_char,
    append: unsafe extern "C" fn(RawInsert, *const u8, usize) -> c_int,
    finish_insert: unsafe extern "C" fn(RawInsert) -> RawResult,
    cancel_insert: unsafe extern "C" fn(RawInsert),
    destroy_insert: unsafe extern "C" fn(RawInsert),
}

/// The loaded engine and the one folder that it works on in this process.
pub(crate) struct Library {
    functions: Functions,
    /// What every connection is opened with.
    arguments: [CString; 2],
    /// Owns the code that `functions` point into.
    _loaded: libloading::Library,
}

impl Library {
    /// Loads the engine for the database in `folder`, which it makes with the
    /// first connection.
    pub(crate) fn load(library: &Path, folder: &Path) -> Result<Arc<Self>> {
        // SAFETY: the file is the pinned one of the package, or the one that a
        // person named; its initialisers are the engine's own and may run at any time.
        let loaded = unsafe { libloading::Library::new(library) }
            .with_context(|| format!("{} cannot be loaded", library.display()))?;
        let functions = Functions::find(&loaded)?;
        let argument = |text: &OsStr| CString::new(text.as_bytes());
        let mut path = OsStr::new("--path=").to_owned();
        path.push(folder);
        Ok(Arc::new(Self {
            functions,
            arguments: [argument(OsStr::new("clickhouse"))?, argument(&path)?],
            _loaded: loaded,
        }))
    }

    /// Opens a connection, which has settings and a current database of its own.
    pub(crate) fn connect(self: &Arc<Self>) -> Result<Connection, Exception> {
        let mut arguments = self.arguments.each_ref().map(|it| it.as_ptr().cast_mut());
        // SAFETY: the engine reads two NUL-terminated texts, which outlive the
        // call, and copies what it keeps; it writes to none of them.
        let raw = unsafe { (self.functions.connect)(2, arguments.as_mut_ptr()) };
        let raw =
            NonNull::new(raw).ok_or_else(|| Exception::unknown("the engine does not open"))?;
        Ok(Connection {
            library: Arc::clone(self),
            raw,
        })
    }
}

impl Functions {
    fn find(library: &libloading::Library) -> Result<Self> {
        macro_rules! function {
            ($name:literal) => {{
                // SAFETY: the signature that the field has is the one in the
                // header of the pinned version.
                let found = unsafe { library.get($name) };
                *found.context(concat!("the engine has no ", $name))?
            }};
        }
        Ok(Self {
            connect: function!("chdb_connect"),
            close: function!("chdb_close_conn"),
            query: function!("chdb_query_with_params_n"),
            result_error: function!("chdb_result_error"),
            result_buffer: function!("chdb_result_buffer"),
            result_length: function!("chdb_result_length"),
            destroy_result: function!("chdb_destroy_query_result"),
            begin_insert: function!("chdb_stream_insert_n"),
            insert_error: function!("chdb_stream_insert_error"),
            append: function!("chdb_stream_append"),
            finish_insert: function!("chdb_stream_done"),
            cancel_insert: function!("chdb_stream_cancel_insert"),
            destroy_insert: function!("chdb_destroy_insert_stream"),
        })
    }

    /// Copies a result and gives it back to the engine.
    fn take(&self, result: RawResult) -> Result<Vec<u8>, Exception> {
        if result.is_null() {
            return Err(Exception::unknown("the engine has no result"));
        }
        // SAFETY: `result` is alive until it is destroyed, below and only
        // there; until then its error is a NUL-terminated text or null, and its
        // buffer holds as many bytes as its length says, or is null.
        unsafe {
            let copied = match text((self.result_error)(result)) {
                Some(error) => Err(Exception::new(error)),
                None => Ok(bytes(
                    (self.result_buffer)(result),
                    (self.result_length)(result),
                )),
            };
            (self.destroy_result)(result);
            copied
        }
    }
}

/// A session with the engine. It stays in the thread that opened it.
pub(crate) struct Connection {
    library: Arc<Library>,
    raw: NonNull<RawConnection>,
}

impl Connection {
    /// Runs a query with values for its `{name:Type}`; the answer is in
    /// `format` unless the query names another.
    pub(crate) fn query(
        &self,
        query: &str,
        format: &str,
        parameters: &[(String, String)],
    ) -> Result<Vec<u8>, Exception> {
        let names: Vec<_> = parameters.iter().map(|(name, _)| name.as_ptr()).collect();
        let name_lengths: Vec<_> = parameters.iter().map(|(name, _)| name.len()).collect();
        let values: Vec<_> = parameters.iter().map(|(_, value)| value.as_ptr()).collect();
        let value_lengths: Vec<_> = parameters.iter().map(|(_, value)| value.len()).collect();
        // SAFETY: every text goes with its length, the four lists are as long
        // as the last argument says, and all of them outlive the call, in which
        // the engine is done with them.
        let result = unsafe {
            (self.library.functions.query)(
                self.handle(),
                query.as_ptr(),
                query.len(),
                format.as_ptr(),
                format.len(),
                names.as_ptr(),
                name_lengths.as_ptr(),
                values.as_ptr(),
                value_lengths.as_ptr(),
                parameters.len(),
            )
        };
        self.library.functions.take(result)
    }

    /// Begins an insert; `query` has no FORMAT, the rows are in `format`.
    pub(crate) fn insert(&self, query: &str, format: &str) -> Result<Insert<'_>, Exception> {
        let functions = &self.library.functions;
        // SAFETY: both texts go with their lengths and outlive the call.
        let raw = unsafe {
            (functions.begin_insert)(
                self.handle(),
                query.as_ptr(),
                query.len(),
                format.as_ptr(),
                format.len(),
            )
        };
        if raw.is_null() {
            return Err(Exception::unknown("the engine begins no insert"));
        }
        let insert = Insert {
            functions,
            raw,
            is_finished: false,
            connection: PhantomData,
        };
        insert.error().map_or(Ok(insert), Err)
    }

    fn handle(&self) -> RawConnection {
        // SAFETY: `connect` gave the pointer, and it is valid until `drop` closes it.
        unsafe { *self.raw.as_ptr() }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: nobody else has the connection, and no insert outlives it.
        unsafe { (self.library.functions.close)(self.raw.as_ptr()) }
    }
}

/// An insert under way. Dropped unfinished, it is cancelled.
pub(crate) struct Insert<'a> {
    functions: &'a Functions,
    raw: RawInsert,
    is_finished: bool,
    connection: PhantomData<&'a Connection>,
}

impl Insert<'_> {
    /// Feeds bytes, which need not end where a row does.
    pub(crate) fn append(&mut self, rows: &[u8]) -> Result<(), Exception> {
        // SAFETY: the bytes go with their length, and the engine copies them.
        let status = unsafe { (self.functions.append)(self.raw, rows.as_ptr(), rows.len()) };
        if status == 0 {
            return Ok(());
        }
        let error = self.error();
        Err(error.unwrap_or_else(|| Exception::unknown("the engine takes no more rows")))
    }

    /// Has everything stored that was fed.
    pub(crate) fn finish(mut self) -> Result<(), Exception> {
        self.is_finished = true;
        // SAFETY: the insert is alive, and this is called once, for it consumes `self`.
        let result = unsafe { (self.functions.finish_insert)(self.raw) };
        self.functions.take(result).map(drop)
    }

    fn error(&self) -> Option<Exception> {
        // SAFETY: the insert is alive, and so is its error, null or a
        // NUL-terminated text, which is copied here.
        unsafe { text((self.functions.insert_error)(self.raw)) }.map(Exception::new)
    }
}

impl Drop for Insert<'_> {
    fn drop(&mut self) {
        // SAFETY: nobody else has the insert; it is cancelled only if it was
        // not finished, and destroyed once.
        unsafe {
            if !self.is_finished {
                (self.functions.cancel_insert)(self.raw);
            }
            (self.functions.destroy_insert)(self.raw);
        }
    }
}

/// Copies a text; none if there is none.
///
/// # Safety
/// `from` must be null or point to a NUL-terminated text.
unsafe fn text(from: *const c_char) -> Option<String> {
    // SAFETY: as the caller promises.
    (!from.is_null()).then(|| {
        unsafe { CStr::from_ptr(from) }
            .to_string_lossy()
            .into_owned()
    })
}

/// Copies bytes; none if there are none.
///
/// # Safety
/// `from` must be null or point to `length` bytes.
unsafe fn bytes(from: *const u8, length: usize) -> Vec<u8> {
    if from.is_null() || length == 0 {
        return Vec::new();
    }
    // SAFETY: as the caller promises.
    unsafe { slice::from_raw_parts(from, length) }.to_vec()
}
